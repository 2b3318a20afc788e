// What devices say of themselves beside their measurements: battery and firmware. And the signal by which a person finds one.

import BlueZ
import DeviceProfile
import VitalSigns

extension BluetoothLoop {
  private static let batteryLevel = BluetoothUUID(short: 0x2A19)
  private static let firmwareRevision = BluetoothUUID(short: 0x2A26)
  private static let immediateAlert = BluetoothUUID(short: 0x1802)
  private static let alertLevel = BluetoothUUID(short: 0x2A06)

  /// After the steps, so that no measurement waits for it.
  func readDetails(_ number: Int) {
    guard let entry = entries[number] else { return }
    let address = entry.device.address
    if tree.device(address: address)?.battery == nil, !entry.device.frames.contains(Self.batteryLevel),
      let path = tree.characteristic(address: address, uuid: Self.batteryLevel, service: nil)?.path
    {
      call(.readValue(characteristic: path), for: .detail(entry: number, .battery))
    }
    if !entry.hasReadFirmware, let path = tree.characteristic(address: address, uuid: Self.firmwareRevision, service: nil)?.path {
      entries[number]?.hasReadFirmware = true
      call(.readValue(characteristic: path), for: .detail(entry: number, .firmware))
    }
  }

  func detailReplied(_ number: Int, _ read: DetailRead, _ result: Result<BusReply, BluezFailure>) {
    guard case .success(.bytes(let bytes)) = result else { return }
    switch read {
    case .battery: if let level = bytes.first, level <= 100 { noteDetail(.battery(Int(level)), of: number) }
    case .firmware:
      // A device may end its text with zeros, and may send anything.
      let text = String(decoding: bytes.prefix(32).prefix { $0 != 0 }, as: UTF8.self)
      let shown = text.unicodeScalars.filter { $0.value >= 0x20 && $0.value < 0x7F }
      if !shown.isEmpty { noteDetail(.firmware(String(String.UnicodeScalarView(shown))), of: number) }
    }
  }

  func noteDetail(_ detail: BluetoothDetail, of number: Int) {
    switch detail {
    case .battery(let level):
      guard (0...100).contains(level) else { return }
      entries[number]?.battery = level
    case .firmware(let text): entries[number]?.firmware = text
    }
    guard let entry = entries[number], entry.isRegistered else { return }
    link.handler.detail(detail, address: entry.device.address)
  }

  func identify(_ address: String, _ answer: @escaping @Sendable (Bool) -> Void) {
    listensUntil = now.adding(seconds: 30)
    guard let number = numberByAddress[address], let entry = entries[number], entry.isUp else { return answer(false) }
    // "High alert" of the SIG's service, for a device whose profile knows nothing better.
    let bytes = entry.device.signal?.bytes ?? [2]
    let service = entry.device.signal == nil ? Self.immediateAlert : nil
    let uuid = entry.device.signal?.characteristic ?? Self.alertLevel
    guard let target = tree.characteristic(address: address, uuid: uuid, service: service) else { return answer(false) }
    let awaitsResponse = !target.flags.contains("write-without-response")
    call(.writeValue(characteristic: target.path, bytes: bytes, awaitsResponse: awaitsResponse), for: .identify(answer))
  }
}
