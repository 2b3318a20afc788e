// Receipts there and back: what one role sends is what the other reads, also between versions.

import Foundation
import LocalAPI
import Testing

@Suite("Receipts on the wire") struct ReceiptWireTests {
  static let results: [API.Receipt.Result] = [
    .delivered(remoteID: nil), .delivered(remoteID: "r1"), .refused(reason: "HTTP 422: no such code"), .failing(error: "timedOut"),
  ]

  @Test("Every lane and result comes back as it was sent", arguments: results, [API.Lane.alarm, .routine])
  func roundTrip(result: API.Receipt.Result, lane: API.Lane) throws {
    for row in [nil, UInt64(7)] {
      let sent = API.Receipt(destination: "nurses", lane: .known(lane), row: row, key: "o/3", result: result)
      #expect(try JSONDecoder().decode(API.Receipt.self, from: JSONEncoder().encode(sent)) == sent)
    }
  }

  @Test("The words are those of every earlier version")
  func words() throws {
    let sent = API.Receipt(destination: "nurses", lane: .known(.alarm), row: 7, key: "a/1", result: .refused(reason: "no"))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    #expect(
      String(decoding: try encoder.encode(sent), as: UTF8.self)
        == #"{"destination":"nurses","error":"no","key":"a/1","lane":"alarm","row":7,"state":"dead"}"#)
  }

  @Test("A word of another version is kept, and spoils no other receipt")
  func unknownWords() throws {
    let json = #"""
      [{"destination":"a","lane":"express","row":1,"key":"o/1","state":"delivered"},
       {"destination":"a","lane":"alarm","row":2,"key":"o/2","state":"parked"},
       {"destination":"a","lane":"alarm","row":3,"key":"o/3","state":"dead"}]
      """#
    let read = try JSONDecoder().decode([API.Receipt].self, from: Data(json.utf8))
    #expect(read.map(\.lane) == [.unknown("express"), .known(.alarm), .known(.alarm)])
    #expect(read.map(\.result) == [.delivered(remoteID: nil), .unknown("parked"), .refused(reason: "")])
    let again = try JSONDecoder().decode([API.Receipt].self, from: JSONEncoder().encode(read))
    #expect(again == read)
  }
}
