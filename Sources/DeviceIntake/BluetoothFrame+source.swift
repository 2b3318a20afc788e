// Where a frame came from, as profiles name it and as people read it.

package import BluetoothLink
import DeviceProfile
import Foundation
import HubCore
import HubRegistry
import HubRuntime
import Journal
import Logging
import Synchronization
import VitalSigns

extension BluetoothFrame.Source {
  /// As a profile names it.
  package var text: String {
    switch self {
    case .characteristic(let uuid): "\(uuid)"
    case .serviceData(let uuid): "serviceData/\(uuid)"
    case .manufacturerData(let company): FrameKey.manufacturerData(company).description
    }
  }

  /// A number of the source. It is part of a stored hash, so it never changes.
  var number: UInt64 {
    switch self {
    case .characteristic(let uuid), .serviceData(let uuid): uuid.high ^ uuid.low
    case .manufacturerData(let company): UInt64(company)
    }
  }
}

extension DeviceProfile {
  package func frameIndex(_ source: BluetoothFrame.Source) -> Int? {
    switch source {
    case .characteristic(let uuid), .serviceData(let uuid): frameIndex(characteristic: uuid)
    case .manufacturerData(let company): frameIndex(company: company)
    }
  }
}
