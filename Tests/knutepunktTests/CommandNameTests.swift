// Every command says its own name. Without one the parser asks the runtime for the type's, which looks through all that the program
// conforms to, once for each command and at each start: a third of the time before the first line of ours runs.

import ArgumentParser
import Testing

@testable import knutepunkt

@Suite struct CommandNameTests {
  @Test func everyCommandNamesItself() {
    var waiting: [any ParsableCommand.Type] = [Knutepunkt.self]
    var seen = 0
    while let command = waiting.popLast() {
      seen += 1
      #expect(command.configuration.commandName != nil, "\(command)")
      waiting += command.configuration.subcommands
    }
    #expect(seen > 40)
  }
}
