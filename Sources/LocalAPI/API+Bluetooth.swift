// The local API's words about Bluetooth: the adapter, each device, and the pairing that an installer goes through.

extension API {
  /// `GET /v1/bluetooth`.
  public struct Bluetooth: Codable, Sendable {
    public struct Adapter: Codable, Sendable {
      public var name: String
      public var address: String
      public var powered: Bool
      public var discovering: Bool

      package init(name: String, address: String, powered: Bool, discovering: Bool) {
        self.name = name
        self.address = address
        self.powered = powered
        self.discovering = discovering
      }
    }

    public struct Slots: Codable, Sendable {
      /// Connections of this hub and of other programs.
      public var used: Int
      public var max: Int

      package init(used: Int, max: Int) {
        self.used = used
        self.max = max
      }
    }

    /// What is wrong with a device.
    public enum Problem: String, WireWord, CaseIterable {
      case notPaired, bondLost, pairingRefused, cannotConnect, noServices, missingCharacteristic, stepRefused, recordAccess, stuck
    }

    /// Why there is no Bluetooth.
    public enum Absence: String, WireWord, CaseIterable {
      /// The hub has no Bluetooth link.
      case notConfigured
      case noService, noAnswer, noAdapter, cannotPowerOn, cannotScan, scanStalled
    }

    public struct Device: Codable, Sendable {
      public enum State: String, WireWord, CaseIterable {
        case idle, waiting, connecting, pairing, reading
        /// Records wait for the disk.
        case settling
        case connected
        /// Advertisements only.
        case listening
        case problem
      }

      public var id: String
      public var label: String
      public var state: Word<State>
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
      /// In force now.
      public var problem: Word<Problem>?

      package init(
        id: String, label: String, state: Word<State>, connected: Bool, bonded: Bool, lastSeen: String? = nil, rssi: Int? = nil,
        battery: Int? = nil, firmware: String? = nil, reconnects: UInt64, refused: [String: UInt64], problem: Word<Problem>? = nil
      ) {
        self.id = id
        self.label = label
        self.state = state
        self.connected = connected
        self.bonded = bonded
        self.lastSeen = lastSeen
        self.rssi = rssi
        self.battery = battery
        self.firmware = firmware
        self.reconnects = reconnects
        self.refused = refused
        self.problem = problem
      }
    }

    /// A radio as the kernel shows it, whatever bluetoothd says of it.
    public struct Radio: Codable, Sendable {
      public var name: String
      public var powered: Bool?
      public var scanning: Bool?

      package init(name: String, powered: Bool? = nil, scanning: Bool? = nil) {
        self.name = name
        self.powered = powered
        self.scanning = scanning
      }
    }

    /// Whether the hub has a Bluetooth link with a powered adapter.
    public var available: Bool
    /// Why not.
    public var reason: Word<Absence>?
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

    package init(
      available: Bool, reason: Word<Absence>? = nil, adapter: Adapter? = nil, slots: Slots, strangers: Int, scanRestarts: UInt64,
      matchRules: Int, devices: [Device], radios: [Radio]? = nil, latency: Latency? = nil
    ) {
      self.available = available
      self.reason = reason
      self.adapter = adapter
      self.slots = slots
      self.strangers = strangers
      self.scanRestarts = scanRestarts
      self.matchRules = matchRules
      self.devices = devices
      self.radios = radios
      self.latency = latency
    }

    public struct Latency: Codable, Sendable {
      public var p50: Double
      public var p99: Double
      public var max: Double
      public var count: UInt64

      package init(p50: Double, p99: Double, max: Double, count: UInt64) {
        self.p50 = p50
        self.p99 = p99
        self.max = max
        self.count = count
      }
    }
  }

  public struct DeviceDetails: Codable, Sendable {
    public var device: Device
    public var vendor: String
    public var model: String
    public var transport: String
    /// Nil for a device of another transport, or when the hub has no Bluetooth link.
    public var bluetooth: Bluetooth.Device?
    public var adapterProblem: Word<Bluetooth.Absence>?

    package init(
      device: Device, vendor: String, model: String, transport: String, bluetooth: Bluetooth.Device? = nil,
      adapterProblem: Word<Bluetooth.Absence>? = nil
    ) {
      self.device = device
      self.vendor = vendor
      self.model = model
      self.transport = transport
      self.bluetooth = bluetooth
      self.adapterProblem = adapterProblem
    }
  }

  /// `POST /v1/devices/:id/test`: asks for a connection now, and gives the journal's present end to compare with.
  public struct TestStarted: Codable, Sendable {
    /// Readings of the device with a higher sequence came after the test began.
    public var sequence: UInt64
    public var what: Word<Way>

    /// What the installer should do.
    public enum Way: String, WireWord, CaseIterable {
      /// The hub tries to connect now.
      case connects
      /// Use the device: measure, press.
      case listens
    }

    package init(sequence: UInt64, what: Word<Way>) {
      self.sequence = sequence
      self.what = what
    }
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

      package init(sequence: UInt64, at: String, measuredAt: String? = nil, name: String, text: String) {
        self.sequence = sequence
        self.at = at
        self.measuredAt = measuredAt
        self.name = name
        self.text = text
      }
    }

    public var readings: [Reading]
    /// Everything up to here has been looked at: ask again after it. Nil from a core of an earlier version.
    public var next: UInt64?

    package init(readings: [Reading], next: UInt64? = nil) {
      self.readings = readings
      self.next = next
    }
  }

  /// `POST /v1/devices/:id/identify`.
  public struct Identified: Codable, Sendable {
    public var what: Word<Answer>
    public var rssi: Int?

    public enum Answer: String, WireWord, CaseIterable {
      /// The device blinks or sounds.
      case signals
      /// It is connected and has no such function.
      case connected
      /// It is not connected: look at the signal strength instead.
      case cannot
    }

    package init(what: Word<Answer>, rssi: Int? = nil) {
      self.what = what
      self.rssi = rssi
    }
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

      package init(at: String, who: String, what: String) {
        self.at = at
        self.who = who
        self.what = what
      }
    }

    public var lines: [Line]

    package init(lines: [Line]) {
      self.lines = lines
    }
  }
}
