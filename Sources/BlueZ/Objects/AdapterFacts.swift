// An adapter as bluetoothd shows it, in the hub's own types: a copy of its properties.

/// What BlueZ says of the adapter now.
package struct AdapterFacts: Sendable, Hashable {
  /// Object path.
  package var path: String
  /// The kernel's: `hci0`.
  package var name: String
  /// In capitals; empty until BlueZ has said it.
  package var address: String
  package var isPowered: Bool
  package var isDiscovering: Bool
}
