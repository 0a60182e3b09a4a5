"""Records out of Kafka: fetched, decoded, counted, and what the client gets wrong there.

- `batch_reading.py`: how one consumer reads batches: what unpacks them, what it could not read
- `chunks.py`: what one fetch brought, entered in the ledgers and handed on by partition
- `column_reading.py`: whole batches read by columns, where their records are laid out alike
- `columns_ahead.py`: batches that follow each other, read together by columns: ahead of what is
  taken, as far as that was asked for
- `consumer.py`: aiokafka's consumer as this room uses it: every reach into its inside is here or
  in guards, but for those of reading itself and of leaving
- `decompression.py`: decompression with a bound, in place of the client's, which has none
- `fetch_sessions.py`: what a broker remembers of earlier fetches, so that each names only what
  changed since
- `fetched.py`: what the client has fetched and nobody has taken yet: taken as far as there is room
- `lag.py`: how far this worker's partitions are behind, in records and in seconds
- `lane_fetches.py`: each lane's partitions are fetched on their own, by a connection of its own
- `open_batch.py`: the records of one batch, taken as far as there is room; an unreadable one hides
  no other
- `record_batches.py`: a record batch of Kafka read record by record, so that a bad one does not
  hide its neighbours
- `room.py`: how much may be taken in one go, in records and in bytes as they are unpacked
- `tolerant_records.py`: what was fetched of a partition, batch by batch: those that cannot be read
  are stepped over and reported, their neighbours are served
- `unpacking.py`: a large batch is unpacked in a thread, one at a time
"""
