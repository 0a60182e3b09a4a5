"""A request to produce is written as the client writes it, to the byte."""

import pytest
from aiokafka.protocol.produce import ProduceRequest, ProduceRequest_v7, ProduceRequest_v8
from hypothesis import given
from hypothesis import strategies as st

from daemon.kafka.writing.produce_request import Produce

batches = st.binary(max_size=300).map(bytearray)
partitions = st.lists(st.tuples(st.integers(0, 2**31 - 1), batches), max_size=4)
topics = st.lists(st.tuples(st.text(max_size=8), partitions), max_size=3)


@pytest.mark.parametrize("version", [ProduceRequest_v7, ProduceRequest_v8])
@given(transactional_id=st.none() | st.text(max_size=8), topics=topics)
def test_it_is_what_the_client_writes(version, transactional_id, topics):
    request = ProduceRequest(transactional_id, -1, 20_000, topics)
    broker_takes = {Produce.API_KEY: (0, version.API_VERSION)}

    sent = Produce(request).prepare(broker_takes)

    assert isinstance(sent, version)
    assert sent.encode() == request.build(version).encode()
    assert sent.RESPONSE_TYPE is version.RESPONSE_TYPE
