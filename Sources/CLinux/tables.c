// A table of packet rules taken away whole. The tools that make it for us have no word for that.
#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

// Appends a message of nfnetlink without attributes; returns it.
static struct nlmsghdr *append(
    char *buffer, size_t *used, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource) {
  struct nlmsghdr *header = (struct nlmsghdr *)(buffer + *used);
  *header = (struct nlmsghdr){
    .nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
    .nlmsg_type = type,
    .nlmsg_flags = NLM_F_REQUEST | flags,
    .nlmsg_seq = (uint32_t)*used + 1,
  };
  *(struct nfgenmsg *)NLMSG_DATA(header) = (struct nfgenmsg){
    .nfgen_family = family,
    .version = NFNETLINK_V0,
    .res_id = htons(resource),
  };
  *used += NLMSG_ALIGN(header->nlmsg_len);
  return header;
}

int cl_delete_table(bool ipv6, const char *name) {
  size_t length = strlen(name) + 1;
  if (length > 64) {
    errno = ENAMETOOLONG;
    return -1;
  }
  char buffer[512] __attribute__((aligned(NLMSG_ALIGNTO))) = {0};
  size_t used = 0;
  append(buffer, &used, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  struct nlmsghdr *delete = append(
    buffer, &used, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_DELTABLE, NLM_F_ACK,
    ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4, 0);
  struct nlattr *attribute = (struct nlattr *)(buffer + used);
  attribute->nla_type = NFTA_TABLE_NAME;
  attribute->nla_len = (uint16_t)(NLA_HDRLEN + length);
  memcpy((char *)attribute + NLA_HDRLEN, name, length);
  used += NLA_ALIGN(attribute->nla_len);
  delete->nlmsg_len += NLA_ALIGN(attribute->nla_len);
  append(buffer, &used, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);

  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) { return -1; }
  struct timeval patience = {.tv_sec = 5};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  int result = -1;
  if (sendto(fd, buffer, used, 0, (struct sockaddr *)&kernel, sizeof kernel) == (ssize_t)used) {
    char answer[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
    ssize_t count = recv(fd, answer, sizeof answer, 0);
    struct nlmsghdr *header = (struct nlmsghdr *)answer;
    if (count >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) && header->nlmsg_type == NLMSG_ERROR) {
      errno = -((struct nlmsgerr *)NLMSG_DATA(header))->error;
      result = errno == 0 ? 0 : -1;
    } else if (count >= 0) {
      errno = EPROTO;
    }
  }
  int error = errno;
  close(fd);
  errno = error;
  return result;
}
