// The local API's words about Bluetooth: the adapter, each device, and the pairing that an installer goes through.

extension API {
  /// `GET /v1/bluetooth`.
  public struct Bluetooth: Codable, Sendable {
    public struct Adapter: Codable, Sendable {
      public var name: String
      public var address: String
      public var powered: Bool
      public var discovering: Bool
    }

    public struct Slots: Codable, Sendable {
      /// Connections of this hub and of other programs.
      public var used: Int
      public var max: Int
    }

    public struct Device: Codable, Sendable {
      public var id: String
      public var label: String
      /// idle, waiting, connecting, pairing, reading, settling (records wait for the disk), connected, listening
      /// (advertisements only), problem.
      public var state: String
      public var connected: Bool
      public var bonded: Bool
      public var lastSeen: String?
      /// dBm, of the last advertisement.
      public var rssi: Int?
      /// Percent.
      public var battery: Int?
      public var firmware: String?
      /// Connections since the start of the hub, less the first.
      public var reconnects: UInt64
      /// Frames that were not used, by reason.
      public var refused: [String: UInt64]
      /// A `BluetoothProblem` in force.
      public var problem: String?
    }

    /// A radio as the kernel shows it, whatever bluetoothd says of it.
    public struct Radio: Codable, Sendable {
      public var name: String
      public var powered: Bool?
      public var scanning: Bool?
    }

    /// Whether the hub has a Bluetooth link with a powered adapter.
    public var available: Bool
    /// Why not: `notConfigured`, or an `AdapterProblem`.
    public var reason: String?
    public var adapter: Adapter?
    public var slots: Slots
    /// Devices in range that are nobody's here. Only counted.
    public var strangers: Int
    public var scanRestarts: UInt64
    /// D-Bus match rules of the hub; does not grow.
    public var matchRules: Int
    public var devices: [Device]
    /// Nil where the kernel tells this process nothing; `knutepunkt doctor` says why.
    public var radios: [Radio]?
    /// Microseconds from a notification's arrival to the core's decision: p50, p99, max, count. Nil before the first.
    public var latency: Latency?

    public struct Latency: Codable, Sendable {
      public var p50: Double
      public var p99: Double
      public var max: Double
      public var count: UInt64
    }
  }

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
      /// Its address changes and there is no bond: it must be paired before it can be registered.
      public var addressIsPrivate: Bool
      /// The registered device with this address, if any: pairing renews its bond.
      public var device: String?
    }

    /// What the installer is asked, or told.
    public struct Prompt: Codable, Sendable {
      /// `display` (type this number on the device), `confirm` (do both show this number?), `enter` (type what the device shows).
      public var kind: String
      /// Six digits for `display` and `confirm`.
      public var passkey: String?
      /// Goes back in the answer.
      public var number: UInt64
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

    /// closed, searching, connecting, pairing, prompt, testing (waits for a reading), ready (a reading came), failed.
    public var state: String
    public var secondsLeft: Int
    public var found: [Candidate]
    /// The device that was chosen.
    public var chosen: String?
    public var prompt: Prompt?
    /// The first frame's readings; shown to the installer, never recorded.
    public var readings: [Reading]
    /// A `BluetoothProblem`, when failed.
    public var problem: String?
    /// Devices in range that no profile fits.
    public var strangers: Int
    /// `hub.language`: nb, nn or en.
    public var language: String
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

  /// `GET /v1/devices/:id`.
  public struct DeviceDetails: Codable, Sendable {
    public var device: Device
    public var vendor: String
    public var model: String
    public var transport: String
    /// Nil for a device of another transport, or when the hub has no Bluetooth link.
    public var bluetooth: Bluetooth.Device?
    public var adapterProblem: String?
  }

  /// `POST /v1/devices/:id/test`: asks for a connection now, and gives the journal's present end to compare with.
  public struct TestStarted: Codable, Sendable {
    /// Readings of the device with a higher sequence came after the test began.
    public var sequence: UInt64
    /// What the installer should do: `connects` (the hub tries now), `listens` (use the device: measure, press).
    public var what: String
  }

  /// `GET /v1/devices/:id/readings?after=SEQUENCE`.
  public struct DeviceReadings: Codable, Sendable {
    public struct Reading: Codable, Sendable {
      public var sequence: UInt64
      public var at: String
      public var measuredAt: String?
      /// A code's key such as `spo2`, or an event's.
      public var name: String
      /// `97 %`; the event's key for events.
      public var text: String
    }

    public var readings: [Reading]
    /// Everything up to here has been looked at: ask again after it. Nil from a core of an earlier version.
    public var next: UInt64?
  }

  /// `POST /v1/devices/:id/identify`.
  public struct Identified: Codable, Sendable {
    /// `signals` (the device blinks or sounds), `connected` (it has no such function), `cannot` (it is
    /// not connected: look at the signal strength instead).
    public var what: String
    public var rssi: Int?
  }
}

extension API {
  /// `GET /v1/bluetooth/trace`: the link's last steps, oldest first. Device ids, states, operations, lengths and error
  /// names; no address and no value, so that it may go into a support case as it is.
  public struct BluetoothTrace: Codable, Sendable {
    public struct Line: Codable, Sendable {
      public var at: String
      /// `D7`, `adapter`, `pairing`.
      public var who: String
      public var what: String
    }

    public var lines: [Line]
  }
}
