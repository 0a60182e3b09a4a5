// Five questions to Tidemill with librdkafka: ./ask BROKER TOPIC REPLY_TOPIC REPLY_PARTITION
// Build: cc -o ask ask.c $(pkg-config --cflags --libs rdkafka)

#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static rd_kafka_t *producer, *consumer;
static const char *topic, *reply_topic;
static int partition, asked, ignored;

static void check(int failed, const char *why) {
    if (!failed) return;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *broker) {
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", broker, why, sizeof why);
    // A consumer must name a group, but one partition assigned by hand joins none.
    if (type == RD_KAFKA_CONSUMER) rd_kafka_conf_set(conf, "group.id", "unused", why, sizeof why);
    rd_kafka_t *made = rd_kafka_new(type, conf, why, sizeof why);
    check(made == NULL, why);
    return made;
}

// Read the reply topic from its end as it is before the first question.
static void read_replies(void) {
    int64_t low, end;
    rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(consumer, reply_topic, partition, &low, &end, 30000);
    check(error != 0, rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_t *replies = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(replies, reply_topic, partition)->offset = end;
    rd_kafka_assign(consumer, replies);
    rd_kafka_topic_partition_list_destroy(replies);
}

// Returns the text of a header until the next call, "" when there is none.
static const char *header(const rd_kafka_message_t *reply, const char *name) {
    static char text[256];
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(reply, &headers) != 0 ||
        rd_kafka_header_get_last(headers, name, &value, &size) != 0)
        return "";
    snprintf(text, sizeof text, "%.*s", (int)size, (const char *)value);
    return text;
}

static void print(const rd_kafka_message_t *reply) {
    if (strcmp(header(reply, "status"), "error") == 0) {
        printf("%s\n", header(reply, "error-code"));
        return;
    }
    printf("ok ");
    for (size_t at = 0; at < reply->len; at++) printf("%02x", ((unsigned char *)reply->payload)[at]);
    printf("\n");
}

// Reads one reply; returns whether it was the expected one, which is printed.
static int take(const char *identity) {
    rd_kafka_message_t *reply = rd_kafka_consumer_poll(consumer, 100);
    if (reply == NULL) return 0;
    int own = !reply->err && strcmp(header(reply, "correlation-id"), identity) == 0;
    if (own) print(reply);
    else if (!reply->err) ignored++; // another's, a repetition, or one that nobody waits for any more
    rd_kafka_message_destroy(reply);
    return own;
}

static void ask(const char *question, const char *body, size_t size, const char *timeout_ms,
                int wait_s, int times) {
    char identity[64];
    uint32_t big_endian = htonl(partition);
    snprintf(identity, sizeof identity, "%ld-%d-%d", (long)time(NULL), (int)getpid(), asked++);
    for (int sent = 0; sent < times; sent++)
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_VALUE((void *)body, size),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_HEADER("correlation-id", identity, -1),
                          RD_KAFKA_V_HEADER("reply-to", reply_topic, -1),
                          RD_KAFKA_V_HEADER("kafka_replyPartition", &big_endian, 4),
                          RD_KAFKA_V_HEADER("content-type", "application/octet-stream", -1),
                          RD_KAFKA_V_HEADER("timeout-ms", timeout_ms, -1), RD_KAFKA_V_END);
    printf("%s: ", question);
    for (time_t end = time(NULL) + wait_s; time(NULL) < end;)
        if (take(identity)) return;
    printf("no_reply\n");
}

int main(int count, char **words) {
    check(count != 5, "ask BROKER TOPIC REPLY_TOPIC REPLY_PARTITION");
    topic = words[2], reply_topic = words[3], partition = atoi(words[4]);
    producer = client(RD_KAFKA_PRODUCER, words[1]);
    consumer = client(RD_KAFKA_CONSUMER, words[1]);
    read_replies();
    const char row[8] = {0, 0, (char)0x80, 0x3f, 0, 0, 0x20, 0x40}; // 1.0 and 2.5
    ask("ok", row, 8, "30000", 30, 1);
    ask("error", row, 7, "30000", 30, 1);
    ask("expired", row, 8, "0", 30, 1);
    ask("late", row, 8, "30000", 0, 1);
    ask("repeated", row, 8, "30000", 30, 2);
    while (ignored < 2) take("nobody"); // the late one and the second of two
    printf("ignored: %d\n", ignored);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_destroy(producer);
}
