"""A model: arrays in, arrays out. Knows ONNX Runtime, knows nothing of Kafka."""
