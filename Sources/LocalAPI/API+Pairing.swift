// The words of pairing: what an installer asks for, chooses and answers, and what the hub shows meanwhile.

extension API {
  /// `POST /v1/bluetooth/pairing`: opens the window, or lengthens it.
  public struct OpenPairing: Codable, Sendable {
    /// 10…600.
    public var seconds: Int
    public var actor: String

    public init(seconds: Int, actor: String) {
      self.seconds = seconds
      self.actor = actor
    }
  }

  /// `GET /v1/bluetooth/pairing`, and the answer of every pairing request.
  public struct Pairing: Codable, Sendable {
    public struct Candidate: Codable, Sendable {
      public var address: String
      /// What the device calls itself; empty when it does not.
      public var name: String
      /// The profile with the highest priority that fits, and all that fit.
      public var profile: String
      public var profiles: [String]
      /// Vendor and model of the profile, for people.
      public var vendor: String
      public var model: String
      public var rssi: Int?
      /// There is a bond with this hub already: an earlier pairing was interrupted, or the device was removed elsewhere.
      public var bonded: Bool
      /// The device's address changes and there is no bond: the device must be paired before it can be registered.
      public var addressIsPrivate: Bool
      /// The registered device with this address, if any: pairing renews its bond.
      public var device: String?

      package init(
        address: String, name: String, profile: String, profiles: [String], vendor: String, model: String, rssi: Int? = nil,
        bonded: Bool, addressIsPrivate: Bool, device: String? = nil
      ) {
        self.address = address
        self.name = name
        self.profile = profile
        self.profiles = profiles
        self.vendor = vendor
        self.model = model
        self.rssi = rssi
        self.bonded = bonded
        self.addressIsPrivate = addressIsPrivate
        self.device = device
      }
    }

    /// How far the pairing is.
    public enum State: String, WireWord, CaseIterable {
      case closed, searching, connecting, pairing, prompt
      /// Paired; waits for a reading.
      case testing
      /// A reading came.
      case ready
      case failed
    }

    /// What the installer is asked, or told.
    public struct Prompt: Codable, Sendable {
      public enum Kind: String, WireWord, CaseIterable {
        /// Type this number on the device.
        case display
        /// Do both show this number?
        case confirm
        /// Type what the device shows.
        case enter
      }
      public var kind: Word<Kind>
      /// Six digits for `display` and `confirm`.
      public var passkey: String?
      /// Goes back in the answer.
      public var number: UInt64

      package init(kind: Word<Kind>, passkey: String? = nil, number: UInt64) {
        self.kind = kind
        self.passkey = passkey
        self.number = number
      }
    }

    public struct Reading: Codable, Sendable {
      /// A code's key such as `spo2`, or an event's.
      public var name: String
      /// `97 %`.
      public var text: String
      public var quality: [String]

      public init(name: String, text: String, quality: [String]) {
        self.name = name
        self.text = text
        self.quality = quality
      }
    }

    public var state: Word<State>
    public var secondsLeft: Int
    public var found: [Candidate]
    /// The device that was chosen.
    public var chosen: String?
    public var prompt: Prompt?
    /// The first frame's readings; shown to the installer, never recorded.
    public var readings: [Reading]
    /// When failed.
    public var problem: Word<Bluetooth.Problem>?
    /// Devices in range that no profile fits.
    public var strangers: Int
    /// `hub.language`: nb, nn or en.
    public var language: String

    package init(
      state: Word<State>, secondsLeft: Int, found: [Candidate], chosen: String? = nil, prompt: Prompt? = nil, readings: [Reading],
      problem: Word<Bluetooth.Problem>? = nil, strangers: Int, language: String
    ) {
      self.state = state
      self.secondsLeft = secondsLeft
      self.found = found
      self.chosen = chosen
      self.prompt = prompt
      self.readings = readings
      self.problem = problem
      self.strangers = strangers
      self.language = language
    }
  }

  /// `POST /v1/bluetooth/pairing/choose`.
  public struct ChooseDevice: Codable, Sendable {
    public var address: String
    /// Nil: the candidate's own.
    public var profile: String?
    public var actor: String

    public init(address: String, profile: String?, actor: String) {
      self.address = address
      self.profile = profile
      self.actor = actor
    }
  }

  /// `POST /v1/bluetooth/pairing/answer`.
  public struct AnswerPrompt: Codable, Sendable {
    public var number: UInt64
    public var accept: Bool
    /// For `enter`: 0…999999.
    public var passkey: UInt32?
    public var actor: String

    public init(number: UInt64, accept: Bool, passkey: UInt32?, actor: String) {
      self.number = number
      self.accept = accept
      self.passkey = passkey
      self.actor = actor
    }
  }
}
