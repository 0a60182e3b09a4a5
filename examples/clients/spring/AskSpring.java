// Five questions to Tidemill with Spring: java -cp 'jars/*' AskSpring.java BROKER TOPIC REPLY_TOPIC REPLY_PARTITION

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.*;
import org.springframework.kafka.core.*;
import org.springframework.kafka.listener.*;
import org.springframework.kafka.requestreply.*;
import org.springframework.kafka.support.TopicPartitionOffset;
import org.springframework.kafka.support.TopicPartitionOffset.SeekPosition;

public class AskSpring extends ReplyingKafkaTemplate<byte[], byte[], byte[]> {
    static class Refused extends RuntimeException {
        Refused(String code) { super(code); }
    }

    final AtomicInteger ignored = new AtomicInteger();
    final CountDownLatch atTheEnd = new CountDownLatch(1);
    final Object listening = new Object();

    AskSpring(Map<String, Object> own, ContainerProperties read) {
        super(new DefaultKafkaProducerFactory<>(own, new ByteArraySerializer(), new ByteArraySerializer()),
            new KafkaMessageListenerContainer<>(
                new DefaultKafkaConsumerFactory<>(own, new ByteArrayDeserializer(), new ByteArrayDeserializer()), read));
        setSharedReplyTopic(true);      // other instances' replies arrive here too: no error in the log
        setReplyErrorChecker(reply ->   // else an error reply completes the future as if it were a result
            "error".equals(text(reply.headers(), "status")) ? new Refused(text(reply.headers(), "error-code")) : null);
    }

    @Override   // called when the container has heard from the broker at which offset it begins
    public void onPartitionsAssigned(Map<TopicPartition, Long> begins, ConsumerSeekCallback seeks) {
        atTheEnd.countDown();
    }

    @Override   // so that this example can hold back a reply until it is late
    public void onMessage(List<ConsumerRecord<byte[], byte[]>> replies) {
        synchronized (listening) { super.onMessage(replies); }
    }

    @Override   // another's, a repetition, or one that nobody waits for any more: counted for this example alone
    protected void logLateArrival(ConsumerRecord<byte[], byte[]> reply, Object correlation) {
        ignored.incrementAndGet();
    }

    static String text(Headers headers, String name) {
        var header = headers.lastHeader(name);
        return header == null ? "" : new String(header.value(), US_ASCII);
    }

    static ProducerRecord<byte[], byte[]> request(String topic, byte[] body, long timeoutMs) {
        var request = new ProducerRecord<byte[], byte[]>(topic, body);
        request.headers().add("content-type", "application/octet-stream".getBytes())
            .add("timeout-ms", Long.toString(timeoutMs).getBytes());
        return request;   // the template adds kafka_correlationId, kafka_replyTopic and kafka_replyPartition
    }

    /** Returns "ok" and the result in hexadecimal, the code of an error, or "no_reply". */
    String ask(ProducerRecord<byte[], byte[]> request, Duration patience) throws Exception {
        try {
            return "ok " + HexFormat.of().formatHex(sendAndReceive(request, patience).get().value());
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof KafkaReplyTimeoutException) return "no_reply";
            if (failed.getCause() instanceof Refused refused) return refused.getMessage();
            throw failed;
        }
    }

    void fiveQuestions(String topic) throws Exception {
        byte[] row = {0, 0, (byte) 0x80, 0x3f, 0, 0, 0x20, 0x40};   // 1.0 and 2.5
        var patience = Duration.ofSeconds(30);
        System.out.println("ok: " + ask(request(topic, row, 30_000), patience));
        System.out.println("error: " + ask(request(topic, Arrays.copyOf(row, 7), 30_000), patience));
        System.out.println("expired: " + ask(request(topic, row, 0), patience));
        synchronized (listening) {
            System.out.println("late: " + ask(request(topic, row, 30_000), Duration.ofMillis(1)));
        }
        var repeated = request(topic, row, 30_000);
        System.out.println("repeated: " + ask(repeated, patience));
        send(repeated);
        while (ignored.get() < 2) Thread.sleep(10);   // the late one and the second of two
        System.out.println("ignored: " + ignored);
    }

    public static void main(String[] args) throws Exception {
        Map<String, Object> own = Map.of("bootstrap.servers", args[0], "isolation.level", "read_committed");
        // No group: one partition, from its end.
        var replies = new TopicPartitionOffset(args[2], Integer.parseInt(args[3]), SeekPosition.END);
        var client = new AskSpring(own, new ContainerProperties(replies));
        client.afterPropertiesSet();
        client.start();
        try {
            // So that no reply is missed: waitForAssignment waits for a first poll, made also where no end was found.
            if (!client.atTheEnd.await(30, TimeUnit.SECONDS)) throw new TimeoutException("no end of the replies");
            client.fiveQuestions(args[1]);
        } finally {
            client.stop();
            client.destroy();
        }
    }
}
