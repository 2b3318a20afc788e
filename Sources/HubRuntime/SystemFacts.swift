// Small facts of the machine: memory locking, and the hub's EUI-64 from a network card.

import CLinux
import Foundation
import VitalSigns

/// Keeps all memory of the process in RAM. 0, or the errno with which the kernel refused.
package func lockAllMemory() -> Int32 { clinux_lock_memory() }

/// The EUI-64 of the first network card with an address of its own, 16 hexadecimal digits; nil when there is none.
///
/// It is made from the 48-bit address with FF FE in the middle (IEEE guidelines for EUI-64). FHIR knows the hub by it.
package func networkEUI64() -> String? {
  let root = "/sys/class/net"
  let names = (try? FileManager.default.contentsOfDirectory(atPath: root))?.sorted() ?? []
  for name in names where name != "lo" {
    guard let text = try? String(contentsOfFile: "\(root)/\(name)/address", encoding: .utf8) else { continue }
    let bytes = text.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ":").compactMap { UInt8($0, radix: 16) }
    if bytes.count == 6, bytes.contains(where: { $0 != 0 }) {
      return Hexadecimal.text(bytes[0..<3] + [0xFF, 0xFE] + bytes[3...])
    }
  }
  return nil
}

/// Lets the process hold as many descriptors as its hard limit allows. Listeners are bounded far below that, and an alarm must
/// never wait for a descriptor. Where the kernel refuses, the limit stays as it was.
package func raiseDescriptorLimit() {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  let wanted = min(limit.rlim_max, 65_536)
  guard limit.rlim_cur < wanted else { return }
  limit.rlim_cur = wanted
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
