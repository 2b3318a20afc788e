// What a transaction keeps beside entries and outcomes: frames that no profile accepted, marks of frames that a redelivery may
// repeat, and gaps where samples were left out. Each is a ring, or a row that counts.

internal import Foundation
internal import GRDB
internal import JournalFiles
import JournalValues
internal import VitalSigns

extension JournalTransaction {
  mutating func quarantine(_ frame: QuarantinedFrame) throws {
    state.quarantineCounter += 1
    try db.insert(
      into: "quarantine",
      [
        "id": state.quarantineCounter, "link": frame.link, "topic": String(frame.topic.prefix(256)), "reason": frame.reason,
        "payload_bytes": frame.payloadBytes, "prefix": Data(frame.prefix.prefix(QuarantinedFrame.prefixBytesMax)),
        "wall": frame.wall.rawValue,
      ])
    try run("DELETE FROM quarantine WHERE id <= ?", [state.quarantineCounter - Int64(configuration.quarantineMax)])
    try set(.quarantine, state.quarantineCounter)
    try db.insert(
      into: "quarantine_count", ["reason": frame.reason, "frames": 1, "last_wall": frame.wall.rawValue],
      .update("(reason) DO UPDATE SET frames = frames + 1, last_wall = excluded.last_wall"))
  }

  mutating func remember(_ mark: DeliveryMark) throws {
    var number = state.marks[mark.link] ?? 0
    let newest = state.newestMark[mark.link]
    let isSameFrame = mark.taken > 1 && newest.map { $0.message == mark.message && $0.hash == mark.hash && $0.taken < mark.taken } == true
    if !isSameFrame { number += 1 }
    state.marks[mark.link] = number
    state.newestMark[mark.link] = mark
    let row = statements.deliveryMark
    row.bind(.link, mark.link)
    row.bind(.slot, number % Int64(configuration.deliveryMarksPerLink))
    row.bind(.number, number)
    row.bind(.message, mark.message)
    row.bind(.hash, mark.hash)
    row.bind(.taken, mark.taken)
    row.bind(.wall, mark.wall.rawValue)
    try row.execute()
  }

  /// Opens, lengthens or closes the gap of samples that a full disk left out.
  mutating func writeGap() throws {
    if shed.count > 0 {
      if let open = state.openGap {
        try run(
          "UPDATE gap SET last_sequence = max(last_sequence, ?), entries = entries + ?, wall_to = ? WHERE id = ?",
          [signed(shed.last), shed.count, wall.rawValue, open])
      } else {
        try db.insert(
          GapRow(reason: .shed, first: shed.first, last: shed.last, entries: Int(shed.count), from: wall, to: wall, isOpen: true))
        state.openGap = db.lastInsertedRowID
        try state.access.append(
          AccessRecord(wall: wall, actor: .hub, action: "shed", purpose: "the disk is full", detail: "from sequence \(shed.first)"), db)
      }
    } else if mode == .everything, let open = state.openGap {
      try run("UPDATE gap SET is_open = 0 WHERE id = ?", [open])
      state.openGap = nil
      let entries = try Int64.fetchOne(db, sql: "SELECT entries FROM gap WHERE id = ?", arguments: [open]) ?? 0
      try state.access.append(
        AccessRecord(wall: wall, actor: .hub, action: "shedEnded", purpose: "there is room again", detail: "\(entries) samples"), db)
    }
  }
}
