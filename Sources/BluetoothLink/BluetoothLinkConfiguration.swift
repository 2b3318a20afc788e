// How the link behaves on one machine: which adapter, how many connections, how it scans. Validated by the gateway's
// configuration; the limits stand there.

/// All durations are positive but for `scanOff`, which may be zero.
public struct BluetoothLinkConfiguration: Sendable {
  /// `hci0` or an address; nil: the first that is there.
  public var adapter: String?
  /// The bus; nil: the system bus, or what DBUS_SYSTEM_BUS_ADDRESS says.
  public var busAddress: String?
  public var connectionsMax = 5
  public var scanOn = Duration.seconds(10)
  public var scanOff = Duration.seconds(5)
  public var scanWatchdog = Duration.seconds(90)
  public var connectTimeout = Duration.seconds(20)
  public var retryBackoffMax = Duration.seconds(60)
  /// The hub's local time now, for devices with a clock.
  public var localTime: @Sendable () -> BluetoothLocalTime

  public init(localTime: @escaping @Sendable () -> BluetoothLocalTime) { self.localTime = localTime }
}
