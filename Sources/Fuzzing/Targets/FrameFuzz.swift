// A device's bytes under each shipped profile: any bytes, read the same each time.

import DeviceProfile
import Foundation
import ProfileCatalogue
import VitalSigns

enum FrameFuzz {
  static var target: FuzzTarget {
    FuzzTarget(
      name: "frame", summary: "a shipped profile, one of its frames, whether retained, and the frame's bytes",
      seeds: { repository in
        try profiles(repository).enumerated().flatMap { number, profile in
          profile.selfTests.compactMap { vector in
            guard case .frame(let index, let bytes, let retained, _) = vector.content else { return nil }
            return [UInt8(clamping: number), UInt8(clamping: index), retained ? 1 : 0] + bytes
          }
        }
      },
      prepare: { repository in
        let profiles = try profiles(repository)
        return { bytes in attempt(bytes, profiles) }
      })
  }

  /// All that are shipped, in the order of their ids.
  private static func profiles(_ repository: String) throws -> [DeviceProfile] {
    try ProfileCatalogue(folders: [URL(fileURLWithPath: repository + "/DeviceProfiles")], trust: .lab).profiles
  }

  /// The same bytes give the same readings, also when the result was used before.
  private static func attempt(_ bytes: [UInt8], _ profiles: [DeviceProfile]) {
    var input = InputReader(bytes)
    guard let profile = input.choice(of: profiles), let index = input.choice(of: Array(profile.frames.indices)) else { return }
    let isRetained = input.byte() & 1 == 1
    let frame = input.takeRest()
    var once = DecodeResult()
    let first = decoded(frame, profile, index, isRetained, &once)
    let second = decoded(frame, profile, index, isRetained, &once)
    precondition(first == second, "one frame is read in two ways")
  }

  private static func decoded(
    _ frame: [UInt8], _ profile: DeviceProfile, _ index: Int, _ isRetained: Bool, _ result: inout DecodeResult
  ) -> String {
    do throws(FrameRejection) {
      try profile.decode(frame.span, frameIndex: index, retained: isRetained, into: &result)
      return "\(result.readings)"
    } catch {
      precondition(result.readings.isEmpty, "a rejected frame leaves readings")
      return "\(error)"
    }
  }
}
