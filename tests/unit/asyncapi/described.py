"""An AsyncAPI document as its reader uses it: which of its messages a record is."""

import json

import jsonschema


class Described:
    """A document, its references followed."""

    def __init__(self, document):
        self.document = document
        self._of = {}

    def at(self, reference):
        """Return what a reference stands for, through others if need be."""
        found = self.document
        for part in reference["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self.at(found) if "$ref" in found else found

    def requests(self, operation):
        """Return the messages that an operation receives, by name."""
        return self._named(self.document["operations"][operation]["messages"])

    def replies(self, operation):
        """Return those that it is answered with."""
        return self._named(self.document["operations"][operation]["reply"]["messages"])

    def fitting(self, messages, body, headers):
        """Return the names of those of `messages` that a record is, as far as JSON schemas can say."""
        texts = {name: value.decode("latin-1") for name, value in headers}
        return [
            name
            for name, message in messages.items()
            if self._judge(name, "headers", message).is_valid(texts)
            and self._holds(name, message, body)
        ]

    def _holds(self, name, message, body):
        if message["payload"].get("format") == "binary":
            return True
        try:
            value = json.loads(body) if "json" in message["contentType"] else body.decode()
        except (ValueError, RecursionError):
            return False
        return self._judge(name, "payload", message).is_valid(value)

    def _judge(self, name, part, message):
        if (name, part) not in self._of:
            self._of[name, part] = jsonschema.Draft7Validator(message[part])
        return self._of[name, part]

    def _named(self, references):
        return {each["$ref"].rpartition("/")[2]: self.at(each) for each in references}
