// A declaration whose name stands nowhere else is dead: nobody calls it, nobody matches it. The rule counts words, so a dead function that
// shares its name with a living one is not found; it finds no declaration that is used. What a framework calls by name, and nobody
// here, stands in the list with its reason.

enum UnusedRule {
  /// Findings of `files`, where `others` are words that use a name from outside of Swift: a page, a template.
  static func unused(_ files: [ReadFile], others: Set<String> = []) -> [(name: String, finding: Finding)] {
    var uses: [String: Int] = [:]
    for file in files {
      for token in file.tokens where token.kind == .word {
        // A property wrapper's projected value uses the property.
        uses[token.text.first == "$" ? String(token.text.dropFirst()) : token.text, default: 0] += 1
      }
      for declaration in file.declarations { uses[declaration.name, default: 0] -= 1 }
    }
    return files.flatMap { file in
      file.declarations.filter { isJudged($0) && uses[$0.name] == 0 && !others.contains($0.name) }.map {
        let name = ($0.owners + [$0.name]).joined(separator: ".")
        return (name, Finding(path: file.path, line: $0.line, text: "nothing in Sources names \(name)"))
      }
    }
  }

  private static func isJudged(_ declaration: SwiftDeclaration) -> Bool {
    // Nobody writes the name of these: the language, the compiler or a C library calls them.
    if ["init", "deinit", "subscript", "callAsFunction", "CodingKeys"].contains(declaration.name) || declaration.owners.last == "CodingKeys"
    {
      return false
    }
    if declaration.name.first.map({ !$0.isLetter && $0 != "_" }) ?? true { return false }
    return !declaration.isMetUnnamed && declaration.modifiers.isDisjoint(with: ["override", "main", "_cdecl"])
  }
}

extension UnusedRule {
  /// Names that a framework calls or asks for, by the framework.
  static let calledFromOutside: [String: Set<String>] = [
    "NIO's channel handlers": [
      "InboundIn", "InboundOut", "OutboundIn", "OutboundOut", "handlerAdded", "handlerRemoved", "channelActive", "channelInactive",
      "channelRead", "userInboundEventTriggered", "errorCaught",
    ],
    "Hummingbird's middleware": ["Context"],
    "swift-metrics' factory and series": [
      "makeCounter", "makeFloatingPointCounter", "makeMeter", "makeRecorder", "makeTimer", "destroyCounter", "destroyFloatingPointCounter",
      "destroyMeter", "destroyRecorder", "destroyTimer", "increment", "decrement", "recordNanoseconds",
    ],
    "the standard library's dump of a value": ["customMirror"],
    "Mustache's content types": ["escapeText"],
    "Encodable's containers": [
      "userInfo", "singleValueContainer", "encodeNil", "nestedContainer", "nestedUnkeyedContainer", "superEncoder",
    ],
  ]

  /// Declarations that only tests name, with the reason why they stand in the product all the same.
  static let forTests: [String: String] = [
    "BluetoothSession.invariants": "the simulation demands them after every event; what they say needs the session's private state",
    "BoardFeed.screenCount": "tests wait until a screen has joined or left",
    "BoardFeed.readCount": "tests show how seldom the board is read",
    "SignInBook.sessionCount": "tests show that sessions end and make room",
    "ServiceNotifier.watchdogTimeout": "tests show how what systemd asks for is read",
    "JournalConfiguration.alarmsInBallast": "tests fill the reserve with as many alarms as it promises to hold",
    "CommandDeclaration.isSuccess": "no command but identify is sent yet; the grammar's tests hold what an answer means",
    "JournalReader.outboxPendingCount": "tests count a lane's rows",
    "BluetoothAddress.Kind.lasts": "tests show which addresses name a device for good",
  ]
}
