// Every vocabulary of the wire there and back: each value has a word of its own, and a word that is none of them is kept as it came.

import Foundation
import LocalAPI
import Testing
import VitalSigns

@Suite("Words of the wire") struct WordTests {
  /// One vocabulary: what its words are, and what becomes of a text that is read as one of them.
  struct Vocabulary: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var words: [String]
    /// The text's JSON after it was read and written again, and whether it was known.
    var again: @Sendable (String) throws -> (json: String, isKnown: Bool)

    init<Known: WireWord>(_ type: Known.Type, _ all: [Known]) {
      testDescription = "\(type)"
      words = all.map(\.key)
      again = { text in
        let read = try LocalAPIJSON.decode(API.Word<Known>.self, from: LocalAPIJSON.encode(text))
        let isKnown =
          switch read {
          case .known(let value): all.contains(value) && value.key == text
          case .unknown: false
          }
        return (String(decoding: try LocalAPIJSON.encode(read), as: UTF8.self), isKnown)
      }
    }

    init<Known: WireWord & CaseIterable>(_ type: Known.Type) { self.init(type, Array(type.allCases)) }
  }

  static let vocabularies = [
    Vocabulary(AlertRule.self), Vocabulary(AlertPriority.self), Vocabulary(AlertState.self), Vocabulary(AlertTransitionKind.self),
    Vocabulary(API.Lane.self), Vocabulary(API.PlanItem.Kind.self), Vocabulary(PlanSignal.self), Vocabulary(NEWS2Parameter.self),
    Vocabulary(PrescribedOxygen.self), Vocabulary(API.Pairing.State.self), Vocabulary(API.Pairing.Prompt.Kind.self),
    Vocabulary(API.Bluetooth.Device.State.self), Vocabulary(API.Bluetooth.Problem.self), Vocabulary(API.Bluetooth.Absence.self),
    Vocabulary(API.TestStarted.Way.self), Vocabulary(API.Identified.Answer.self), Vocabulary(API.OutboxRow.Kind.self),
    Vocabulary(API.OutboxRow.State.self), Vocabulary(API.Status.Link.State.self), Vocabulary(API.Status.Destination.Kind.self),
    Vocabulary(API.Status.Store.self), Vocabulary(API.Status.Scheduling.self), Vocabulary(API.Status.Presence.self),
    Vocabulary(API.DestinationState.State.self), Vocabulary(API.Device.Liveness.self),
    Vocabulary(API.Role.self), Vocabulary(API.Problem.Kind.self), Vocabulary(API.EnterObservations.Origin.self),
    Vocabulary(API.Score.Band.self), Vocabulary(API.Problem.Effect.self),
  ]

  @Test("Every value has its own word, and comes back from it", arguments: vocabularies)
  func known(_ vocabulary: Vocabulary) throws {
    #expect(!vocabulary.words.isEmpty && Set(vocabulary.words).count == vocabulary.words.count)
    for word in vocabulary.words {
      let (json, isKnown) = try vocabulary.again(word)
      #expect(isKnown && json == "\"\(word)\"")
    }
  }

  @Test("A word of another version is kept as it came", arguments: vocabularies)
  func unknown(_ vocabulary: Vocabulary) throws {
    for word in ["wordOfTomorrow", "", vocabulary.words[0] + " ", vocabulary.words[0].uppercased()] {
      let (json, isKnown) = try vocabulary.again(word)
      #expect(!isKnown && json == "\"\(word)\"")
    }
  }

  @Test("What is no text is no word", arguments: ["7", "null", "[]", "{}", "true"])
  func noText(_ json: String) {
    #expect(throws: DecodingError.self) { try LocalAPIJSON.decode(API.Word<AlertState>.self, from: Data(json.utf8)) }
  }

  @Test("Every number comes back, known or not")
  func numbers() throws {
    func again<Known: WireNumber>(_ type: Known.Type) throws {
      for number in UInt8.min...UInt8.max {
        let read = try LocalAPIJSON.decode(API.Number<Known>.self, from: LocalAPIJSON.encode(number))
        #expect(read == (Known(rawValue: number).map(API.Number.known) ?? .unknown(number)))
        #expect(try String(decoding: LocalAPIJSON.encode(read), as: UTF8.self) == "\(number)")
      }
    }
    try again(AlertRule.self)
    try again(AlertPriority.self)
    try again(AlertState.self)
    try again(AlertTransitionKind.self)
    #expect(throws: DecodingError.self) { try LocalAPIJSON.decode(API.Number<AlertRule>.self, from: Data("256".utf8)) }
  }
}
