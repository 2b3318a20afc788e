// libbluetooth for Swift: `static inline` shims that list adapters and open the kernel's management socket. Nothing else.
// Data goes through bluetoothd; from here nobody's radio is changed.
#ifndef KNUTEPUNKT_CBLUETOOTH_SHIM_H
#define KNUTEPUNKT_CBLUETOOTH_SHIM_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bluetooth/bluetooth.h>
#include <bluetooth/hci.h>
#include <bluetooth/hci_lib.h>

// What the kernel says of one adapter.
struct cbluetooth_adapter {
  uint16_t number;
  // "hci0".
  char name[9];
  // "AA:BB:CC:DD:EE:FF"; all zeros for an adapter without an address of its own.
  char address[18];
  _Bool is_up;
  // HCI_USB, HCI_UART, …
  uint8_t bus;
};

// How many adapters the kernel lists, at most.
enum { cbluetooth_adapters_max = HCI_MAX_DEV };

// Writes up to `room` adapters and gives their number, or -errno. Adapters that are down count too: hci_for_each_dev leaves
// them out, so the list is the kernel's own (HCIGETDEVLIST). One that vanishes meanwhile is left out.
static inline int cbluetooth_adapters(struct cbluetooth_adapter *adapters, int room) {
  struct {
    struct hci_dev_list_req head;
    struct hci_dev_req each[HCI_MAX_DEV];
  } list;
  memset(&list, 0, sizeof list);
  list.head.dev_num = HCI_MAX_DEV;
  int descriptor = socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC, BTPROTO_HCI);
  if (descriptor < 0) return -errno;
  int failure = ioctl(descriptor, HCIGETDEVLIST, &list) < 0 ? errno : 0;
  close(descriptor);
  if (failure != 0) return -failure;
  int count = 0;
  for (int index = 0; index < list.head.dev_num && index < HCI_MAX_DEV && count < room; index++) {
    struct hci_dev_info info;
    memset(&info, 0, sizeof info);
    if (hci_devinfo(list.each[index].dev_id, &info) < 0) continue;
    struct cbluetooth_adapter *adapter = &adapters[count++];
    memset(adapter, 0, sizeof *adapter);
    adapter->number = info.dev_id;
    memcpy(adapter->name, info.name, sizeof info.name);
    ba2str(&info.bdaddr, adapter->address);
    adapter->is_up = hci_test_bit(HCI_UP, &info.flags) != 0;
    adapter->bus = info.type & 0x0f;
  }
  return count;
}

// The kernel's name for a kind of bus: "USB", "UART". Static storage.
static inline const char *cbluetooth_bus_name(uint8_t bus) { return hci_bustostr(bus); }

// A socket on the management channel of all adapters, non-blocking and closed on exec; or -errno. Opens without
// CAP_NET_ADMIN too; the kernel then keeps most events back.
static inline int cbluetooth_management_socket(void) {
  int descriptor = socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, BTPROTO_HCI);
  if (descriptor < 0) return -errno;
  struct sockaddr_hci address;
  memset(&address, 0, sizeof address);
  address.hci_family = AF_BLUETOOTH;
  address.hci_dev = HCI_DEV_NONE;
  address.hci_channel = HCI_CHANNEL_CONTROL;
  if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0) {
    int failure = errno;
    close(descriptor);
    return -failure;
  }
  return descriptor;
}

#endif
