// Packets that wait for a program's decision: the kernel's NFQUEUE, in its own words (nfnetlink).
// Here: the messages. Not here: what is decided (Hosts/PacketQueue.swift).
#define _GNU_SOURCE
#include "CLinux.h"
#include "namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, VERDICT_ACCEPT = 1, VERDICT_DROP = 0 };

struct message {
  struct nlmsghdr header;
  struct nfgenmsg queue;
};

static struct message begin(int kind, int flags, uint16_t number, size_t payload) {
  return (struct message){
    .header = {
      .nlmsg_len = (uint32_t)(sizeof(struct message) + payload),
      .nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | kind),
      .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
    },
    .queue = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(number)},
  };
}

// One attribute whose value is `length` bytes, and its padding.
struct attribute {
  struct nlattr header;
  uint8_t value[12];
};

static struct attribute attribute(int kind, const void *value, size_t length) {
  struct attribute result = {
    .header = {.nla_len = (uint16_t)(NLA_HDRLEN + length), .nla_type = (uint16_t)kind}};
  memcpy(result.value, value, length);
  return result;
}

// Sends a configuration of one attribute, and waits for what the kernel says to it.
static int configure(int fd, uint16_t number, int kind, const void *value, size_t length) {
  struct attribute content = attribute(kind, value, length);
  size_t padded = NLA_ALIGN(content.header.nla_len);
  struct message message = begin(NFQNL_MSG_CONFIG, NLM_F_ACK, number, padded);
  struct iovec parts[2] = {{&message, sizeof message}, {&content, padded}};
  if (writev(fd, parts, 2) < 0) { return -1; }
  for (;;) {
    union {
      struct nlmsghdr header;
      uint8_t bytes[8192];
    } answer;
    ssize_t count = recv(fd, &answer, sizeof answer, 0);
    if (count < 0 && errno == EINTR) { continue; }
    if (count < 0) { return -1; }
    // Packets may come before the answer: they wait for the next configuration's end, and are let go
    // by nobody. There are none, as rules come after us.
    if (answer.header.nlmsg_type != NLMSG_ERROR) { continue; }
    struct nlmsgerr *error = (struct nlmsgerr *)(answer.bytes + NLMSG_HDRLEN);
    if (error->error == 0) { return 0; }
    errno = -error->error;
    return -1;
  }
}

struct opening {
  uint16_t number;
  uint32_t kept;
  uint32_t longest;
};

static int open_queue(void *context) {
  struct opening *wanted = context;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) { return -1; }
  struct sockaddr_nl name = {.nl_family = AF_NETLINK};
  // A burst waits in the socket; and an overflow is a packet that is lost, no error.
  int room = 32 << 20;
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  }
  setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
  struct timeval patience = {.tv_sec = 5};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  struct nfqnl_msg_config_cmd bind_queue = {.command = NFQNL_CFG_CMD_BIND};
  struct nfqnl_msg_config_params copy = {
    .copy_range = htonl(wanted->kept), .copy_mode = NFQNL_COPY_PACKET};
  uint32_t longest = htonl(wanted->longest);
  if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0
      || configure(fd, wanted->number, NFQA_CFG_CMD, &bind_queue, sizeof bind_queue) < 0
      || configure(fd, wanted->number, NFQA_CFG_QUEUE_MAXLEN, &longest, sizeof longest) < 0
      || configure(fd, wanted->number, NFQA_CFG_PARAMS, &copy, sizeof copy) < 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

int cl_queue_open(
    const char *netns, uint16_t number, uint32_t kept, uint32_t longest, int *failed_step) {
  struct opening wanted = {.number = number, .kept = kept, .longest = longest};
  return cl_made_in(netns, open_queue, &wanted, failed_step);
}

// Reads one message; false when it is no packet.
static bool read_packet(const uint8_t *bytes, size_t length, struct cl_packet *packet) {
  const struct nlmsghdr *header = (const struct nlmsghdr *)bytes;
  if (length < sizeof(struct message) || header->nlmsg_len > length
      || header->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)) {
    return false;
  }
  bool is_named = false;
  uint32_t whole = 0;
  *packet = (struct cl_packet){0};
  size_t place = NLMSG_ALIGN(sizeof(struct message));
  while (place + NLA_HDRLEN <= header->nlmsg_len) {
    const struct nlattr *attribute = (const struct nlattr *)(bytes + place);
    if (attribute->nla_len < NLA_HDRLEN || place + attribute->nla_len > header->nlmsg_len) {
      return false;
    }
    const uint8_t *value = bytes + place + NLA_HDRLEN;
    size_t size = attribute->nla_len - NLA_HDRLEN;
    uint32_t number;
    switch (attribute->nla_type & NLA_TYPE_MASK) {
    case NFQA_PACKET_HDR:
      if (size < sizeof(struct nfqnl_msg_packet_hdr)) { return false; }
      memcpy(&number, value, sizeof number);
      packet->id = ntohl(number);
      is_named = true;
      break;
    case NFQA_PAYLOAD:
      packet->bytes = value;
      packet->captured = (uint32_t)size;
      break;
    case NFQA_CAP_LEN:
      if (size < sizeof number) { return false; }
      memcpy(&number, value, sizeof number);
      whole = ntohl(number);
      break;
    default: break;
    }
    place += NLA_ALIGN(attribute->nla_len);
  }
  packet->length = whole > packet->captured ? whole : packet->captured;
  return is_named;
}

bool cl_queue_wait(int queue, int stop, uint64_t nanoseconds) {
  struct pollfd watched[2] = {{.fd = queue, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
  struct timespec patience = {
    .tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
  return ppoll(watched, 2, &patience, NULL) > 0 && watched[1].revents != 0;
}

int cl_queue_receive(
    int queue, struct cl_packet *packets, int capacity, uint8_t *buffer, size_t slot) {
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  int wanted = capacity < BATCH ? capacity : BATCH;
  for (int i = 0; i < wanted; i++) {
    parts[i] = (struct iovec){buffer + (size_t)i * slot, slot};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
  }
  int count;
  do {
    count = recvmmsg(queue, messages, (unsigned)wanted, MSG_DONTWAIT, NULL);
  } while (count < 0 && errno == EINTR);
  if (count < 0) { return errno == EAGAIN || errno == ENOBUFS ? 0 : -1; }
  int found = 0;
  for (int i = 0; i < count; i++) {
    if (read_packet(buffer + (size_t)i * slot, messages[i].msg_len, &packets[found])) { found++; }
  }
  return found;
}

struct verdict {
  struct message message;
  struct nlattr header;
  struct nfqnl_msg_verdict_hdr value;
};

static struct verdict verdict(uint16_t number, uint32_t id, bool accepted, size_t more) {
  size_t own = sizeof(struct verdict) - sizeof(struct message);
  return (struct verdict){
    .message = begin(NFQNL_MSG_VERDICT, 0, number, own + more),
    .header = {
      .nla_len = (uint16_t)own, .nla_type = NFQA_VERDICT_HDR},
    .value = {
      .verdict = htonl(accepted ? VERDICT_ACCEPT : VERDICT_DROP), .id = htonl(id)},
  };
}

int cl_queue_decide(
    int queue, uint16_t number, const uint32_t *ids, int count, bool accepted) {
  struct verdict verdicts[BATCH];
  for (int done = 0; done < count;) {
    int now = count - done < BATCH ? count - done : BATCH;
    for (int i = 0; i < now; i++) { verdicts[i] = verdict(number, ids[done + i], accepted, 0); }
    if (send(queue, verdicts, (size_t)now * sizeof verdicts[0], 0) < 0) { return -1; }
    done += now;
  }
  return 0;
}

int cl_queue_accept_through(int queue, uint16_t number, uint32_t id) {
  struct verdict through = verdict(number, id, true, 0);
  through.message.header.nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH;
  return send(queue, &through, sizeof through, 0) < 0 ? -1 : 0;
}

int cl_queue_replace(
    int queue, uint16_t number, uint32_t id, const uint8_t *bytes, size_t length) {
  struct nlattr header = {
    .nla_len = (uint16_t)(NLA_HDRLEN + length), .nla_type = NFQA_PAYLOAD};
  size_t padding = NLA_ALIGN(length) - length;
  uint32_t zeros = 0;
  struct verdict decided = verdict(number, id, true, NLA_HDRLEN + NLA_ALIGN(length));
  struct iovec parts[4] = {
    {&decided, sizeof decided}, {&header, sizeof header}, {(void *)bytes, length},
    {&zeros, padding}};
  return writev(queue, parts, 4) < 0 ? -1 : 0;
}

struct packet_socket {
  uint32_t mark;
  int family;
};

static int open_packets(void *context) {
  struct packet_socket *wanted = context;
  int fd = socket(wanted->family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
  if (fd < 0) { return -1; }
  if (setsockopt(fd, SOL_SOCKET, SO_MARK, &wanted->mark, sizeof wanted->mark) < 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

int cl_packet_socket(const char *netns, int version, uint32_t mark, int *failed_step) {
  struct packet_socket wanted = {.mark = mark, .family = version == 6 ? AF_INET6 : AF_INET};
  return cl_made_in(netns, open_packets, &wanted, failed_step);
}

int cl_packet_send(int fd, const uint8_t *bytes, size_t length) {
  if (length >= 40 && bytes[0] >> 4 == 6) {
    struct sockaddr_in6 name = {.sin6_family = AF_INET6};
    memcpy(&name.sin6_addr, bytes + 24, 16);
    return sendto(fd, bytes, length, 0, (struct sockaddr *)&name, sizeof name) < 0 ? -1 : 0;
  }
  if (length < 20) {
    errno = EINVAL;
    return -1;
  }
  struct sockaddr_in name = {.sin_family = AF_INET};
  memcpy(&name.sin_addr, bytes + 16, 4);
  return sendto(fd, bytes, length, 0, (struct sockaddr *)&name, sizeof name) < 0 ? -1 : 0;
}
