// What is wrong with a link, as a kind that a program can act on, with a sentence and a next step for a person. A link that
// is live can have one too: a broker that grants no subscription, or another client under the same client id.
//
// English: logs, `status` and `doctor`. No secrets, no topics, no identities of devices or persons.

/// The present trouble of a link. Nil in the statistics: nothing is wrong that the link knows of.
public struct MQTTLinkProblem: Sendable, Hashable {
  /// Closed, for metrics and for texts of one's own. Raw values are stable.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The broker's name is not known.
    case nameNotFound
    /// Nothing listens there, or no way leads there.
    case unreachable
    /// It takes the connection and says nothing.
    case noAnswer
    /// It closes before it has answered: often a port that wants TLS, spoken to without.
    case closedBeforeAnswer
    /// The port speaks no TLS.
    case noTLS
    /// The broker's certificate: its authority is not ours, or its dates are over.
    case certificateNotTrusted
    /// The broker's certificate is for another name.
    case certificateName
    /// The broker wants a client certificate, or another one.
    case clientCertificate
    case tls
    /// A password, key or certificate file cannot be read.
    case fileUnreadable
    /// User name or password.
    case badCredentials
    /// The account may not connect.
    case notAllowed
    /// The broker takes the connection and refuses it for a reason of its own, perhaps a passing one.
    case refused
    case connectionLost
    /// The broker closes again and again what it has just accepted: another client uses the same client id.
    case clientIDContested
    /// The broker refuses subscriptions: what is sent there never reaches the hub.
    case subscriptionsRefused
    /// A subscription could not be asked for; it is tried again.
    case subscriptionsMissing
    case library
  }

  public var kind: Kind
  /// What is wrong, in a sentence without a full stop.
  public var text: String
  /// What a person can do.
  public var next: String

  public init(kind: Kind, text: String, next: String) {
    self.kind = kind
    self.text = text
    self.next = next
  }

  /// Whether devices may go unheard though the link is live.
  public var deafensLiveLink: Bool {
    switch kind {
    case .clientIDContested, .subscriptionsRefused, .subscriptionsMissing: true
    default: false
    }
  }
}

extension MQTTLinkProblem {
  /// The problem behind a failure of this link.
  public init(_ error: MQTTLinkError, _ configuration: MQTTLinkConfiguration) {
    let place = "\(configuration.host):\(configuration.port)"
    let kind = Self.kind(error, hasTLS: configuration.tls != nil)
    self.init(kind: kind, text: "\(error)", next: Self.next(kind, place: place, configuration))
  }

  /// The broker closes what it has just accepted, `times` times of late.
  static func contested(times: Int, _ configuration: MQTTLinkConfiguration) -> Self {
    Self(
      kind: .clientIDContested,
      text: "the broker has closed the connection \(times) times of late; another client uses the client id \(configuration.clientID)",
      next: Self.next(.clientIDContested, place: "", configuration))
  }

  static func subscriptions(refused: Int, _ configuration: MQTTLinkConfiguration) -> Self {
    Self(
      kind: .subscriptionsRefused, text: "the broker refuses \(refused) of the hub's subscriptions",
      next: Self.next(.subscriptionsRefused, place: "", configuration))
  }

  static func subscriptions(missing: Int, _ configuration: MQTTLinkConfiguration) -> Self {
    Self(
      kind: .subscriptionsMissing, text: "\(missing) subscriptions could not be asked for",
      next: "it is tried again; if it lasts, raise the broker's limit of a packet (mosquitto: max_packet_size)")
  }

  private static func kind(_ error: MQTTLinkError, hasTLS: Bool) -> Kind {
    switch error {
    case .unreachable(let detail): detail.hasPrefix("the name ") ? .nameNotFound : .unreachable
    case .tls(let detail): TLSFailure.kind(detail)
    case .fileUnreadable: .fileUnreadable
    // 3.1.1: 4 bad user name or password, 5 not authorised, which mosquitto also says for a wrong password. 5: 0x86, 0x87.
    case .refusedByBroker(let code, _):
      switch code {
      case 4, 5, 0x86: .badCredentials
      case 0x87, 0x8A: .notAllowed
      default: .refused
      }
    case .noAnswer: .noAnswer
    case .closedBeforeAnswer: .closedBeforeAnswer
    case .connectionLost, .inboundOverflow, .packetTooLong: .connectionLost
    case .disconnectedByBroker(let code, _): code == 0x8E ? .clientIDContested : .refused
    case .library: .library
    }
  }

  private static func next(_ kind: Kind, place: String, _ configuration: MQTTLinkConfiguration) -> String {
    switch kind {
    case .nameNotFound: "mend `host` of the link, or the name server (getent hosts \(configuration.host))"
    case .unreachable: "is the broker running at \(place), and is the way open in every firewall between?"
    case .noAnswer: "does a broker listen at \(place)? if it does, restart it"
    case .closedBeforeAnswer:
      configuration.tls == nil
        ? "does \(place) want TLS? then give the link `tls:`; else see the broker's log"
        : "does \(place) speak TLS? if it does, see the broker's log"
    case .noTLS: "use the broker's TLS port (often 8883), or take `tls:` away if the broker is on this machine"
    case .certificateNotTrusted:
      "give `tls.ca` the file with the authority that signed the broker's certificate, and see whether the certificate has expired"
    case .certificateName: "set `host` to a name that stands in the broker's certificate, or give the broker one for \(configuration.host)"
    case .clientCertificate: "give the link `tls.certificate` and `tls.key` of an authority that the broker trusts"
    case .tls: "see the broker's log"
    case .fileUnreadable: "make the file readable for the service's user"
    case .badCredentials: "mend `username` and the password file; set the broker's with mosquitto_passwd"
    case .notAllowed: "let the account \(configuration.username ?? "of this link") connect: the broker's password and ACL files"
    case .refused: "see the broker's log; it is tried again"
    case .connectionLost: "it is tried again; if it lasts, see the network and the broker's log"
    case .clientIDContested:
      "stop the other hub, or give one of them another `hub.name` or `clientID`: two with the same take each other's alarms"
    case .subscriptionsRefused: "let the account read the devices' topics: the broker's ACL file"
    case .subscriptionsMissing, .library: "see the log"
    }
  }
}
