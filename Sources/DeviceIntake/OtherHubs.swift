// Whether another hub of this identity is at one of the brokers, from all links' claims, and what became of this one: replaced, it lets all
// devices and brokers go, and leaves a mark beside the journal that holds until a person takes the hub back into use.

import Foundation
import HubClaims
package import HubConfiguration
import HubRuntime
import Logging
import Synchronization
package import VitalSigns

/// What is known of other hubs with this one's identity. Any thread.
package final class OtherHubs: Sendable {
  private let identity: ClaimIdentity?
  private let stateFolder: String
  private let logger: Logger
  private let mark: Mutex<ReplacedMark?>

  /// - Parameter identity: nil: nothing is said and nothing heard.
  init(_ identity: ClaimIdentity?, stateFolder: String, logger: Logger) {
    self.identity = identity
    self.stateFolder = stateFolder
    self.logger = logger
    var known = ReplacedMark.read(in: stateFolder)
    if let identity, let found = known, found.hubID != identity.hubID || found.generation != identity.generation {
      // Of a journal that was here before: it was restored, or taken back into use.
      ReplacedMark.remove(in: stateFolder)
      known = nil
    }
    mark = Mutex(known)
    if let known { tell(known) }
  }

  /// Who has taken this hub's place; nil: nobody.
  package var replaced: ReplacedMark? { mark.withLock { $0 } }

  /// Notes that a hub of a higher generation is there. True: this is news, and everything is to be let go.
  func note(_ claim: Claim, at wall: WallTime) -> Bool {
    guard let identity else { return false }
    let new = ReplacedMark(hubID: identity.hubID, generation: identity.generation, by: claim.generation, noticed: wall)
    let isNews = mark.withLock { mark in
      if let known = mark, known.by >= new.by { return false }
      defer { mark = new }
      return mark == nil
    }
    do { try new.write(in: stateFolder) } catch {
      logger.critical(
        "it cannot be kept that this hub was replaced: after a restart it takes messages again until it hears so once more",
        metadata: ["folder": "\(stateFolder)", "reason": "\(error.localizedDescription)"])
    }
    if isNews { tell(new) }
    return isNews
  }

  private func tell(_ mark: ReplacedMark) {
    logger.critical(
      "ANOTHER HUB HAS TAKEN THIS ONE'S PLACE: it takes nothing from devices any more and tells nobody",
      metadata: ["generation": "\(mark.generation)", "by": "\(mark.by)", "since": "\(mark.noticed)", "next": "docs/backup.md"])
  }
}

/// Leads from the links' claims to what holds all links, which is made after them.
final class ReplacedBell: Sendable {
  private let listener = Mutex<(@Sendable (Claim) -> Void)?>(nil)

  func answer(_ body: @escaping @Sendable (Claim) -> Void) { listener.withLock { $0 = body } }
  func ring(_ claim: Claim) { listener.withLock { $0 }?(claim) }
}

extension DeviceLinks {
  /// Another hub of the same identity that lives beside this one.
  package enum OtherHub: Sendable, Hashable {
    /// A copy of this hub's disk.
    case twin
    /// The hub that this one was restored from, which does not stand down.
    case original
  }

  /// Looks after the claims once a pulse, and tells of another hub that lives, since when.
  package func lookForOtherHubs() -> (other: OtherHub, link: String, since: MonotonicInstant)? {
    var found: (other: OtherHub, link: String, since: MonotonicInstant)?
    for claims in mqtt.compactMap(\.claims) {
      claims.look()
      let facts = claims.facts
      if let twin = facts.twin { return (.twin, claims.name, twin.since) }
      if found == nil, let original = facts.original { found = (.original, claims.name, original.since) }
    }
    return found
  }

  /// What somebody should know of the claims, in words.
  package var claimNotes: [String] {
    guard otherHubs.replaced == nil else { return [] }
    return mqtt.compactMap(\.claims).flatMap { claims -> [String] in
      let facts = claims.facts
      var notes: [String] = []
      if let refusal = facts.refusal {
        notes.append(
          "somebody says at the broker of link \(claims.name) that it is this hub, and cannot prove it (\(refusal.rawValue)): a hub that was restored from a backup of an older version, or somebody who may write there and should not (docs/backup.md)"
        )
      }
      if facts.isUnheard {
        notes.append(
          "at the broker of link \(claims.name) the hub may not say or hear who it is, so that a hub restored elsewhere cannot make it stand down: let its account read and write knutepunkt/v1/hub/#, or set claims: false"
        )
      }
      return notes
    }
  }

  /// Lets all devices and brokers go at once: another hub has them now.
  func standDown(by claim: Claim) {
    guard otherHubs.note(claim, at: wallTime) else { return }
    for link in mqtt { link.stop(within: Self.standingDown) }
    bluetooth?.stop(within: Self.lettingGo)
  }
}
