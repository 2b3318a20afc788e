// What people read when an address of the configuration cannot be listened on: it names the key, the address and the next step.

import Foundation
import NIOCore
import Testing

@testable import Gateway

@Suite struct ListenProblemTests {
  @Test(
    arguments: [
      (EADDRINUSE, "is taken by another program"), (EACCES, "may not be used by this user"),
      (EADDRNOTAVAIL, "is no address of this machine"),
      (EMFILE, String(cString: strerror(EMFILE))),
    ] as [(Int32, String)])
  func namesKeyAddressAndNextStep(code: Int32, words: String) {
    let text = ListenProblem.text(IOError(errnoCode: code, reason: "bind"), key: "console.listen", address: "127.0.0.1:80")
    #expect(text.hasPrefix("console.listen 127.0.0.1:80"))
    #expect(text.contains(words))
  }

  @Test func anErrorOfAnotherKindIsToldAsItIs() {
    struct Odd: Error, CustomStringConvertible { var description: String { "odd" } }
    #expect(ListenProblem.text(Odd(), key: "k", address: "a") == "k a: odd")
  }
}
