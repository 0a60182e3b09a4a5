"""From records to requests: each checked alone, before anything is allocated for it. Pure."""
