// libFuzzer as a library: it calls back with each input that it wants to be tried. In plain builds it is not there.

import ArgumentParser

#if FUZZING
  import Foundation
#endif

#if FUZZING
  private typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

  // The runtime has no module; this is its documented entry for programs with a `main` of their own.
  @_silgen_name("LLVMFuzzerRunDriver")
  private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<Arguments>,
    _ attempt: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
  ) -> CInt

  /// What the callback tries. libFuzzer hands a C function nothing of ours. Written once, before the driver starts; it calls on this thread.
  nonisolated(unsafe) private var attempt: ([UInt8]) -> Void = { _ in }
#endif

enum LibFuzzer {
  /// Explores until libFuzzer ends the process: at its limits with 0, at a finding with another status.
  static func explore(_ target: @escaping ([UInt8]) -> Void, arguments: [String]) throws {
    #if FUZZING
      attempt = target
      var strings = (["Fuzzing"] + arguments).map { strdup($0) } + [nil]
      var count = CInt(strings.count - 1)
      let status = strings.withUnsafeMutableBufferPointer { buffer -> CInt in
        guard var base = buffer.baseAddress else { return 1 }
        return runDriver(&count, &base) { bytes, length in
          attempt(Array(UnsafeBufferPointer(start: bytes, count: length)))
          return 0
        }
      }
      throw ExitCode(status)
    #else
      throw ValidationError("this build has no libFuzzer: `make fuzz` makes one; `run` needs none")
    #endif
  }
}
