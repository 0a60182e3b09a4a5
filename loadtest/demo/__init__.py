"""`make demo`: the main job, shown. Real files, a real model, a real Kafka, one daemon."""
