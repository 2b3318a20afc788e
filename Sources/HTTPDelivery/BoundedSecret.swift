// Reads a credential's file with a bound, so that a wrong path (a device, a disk image) costs no memory.

internal import Glibc

/// Namespace of the reading.
public enum BoundedSecret {
  /// The file's bytes; nil when it cannot be read or holds more than `most`.
  public static func bytes(_ path: String, most: Int) -> [UInt8]? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    // One more than allowed shows that there are too many.
    var bytes = [UInt8](repeating: 0, count: most + 1)
    let count = fread(&bytes, 1, bytes.count, file)
    guard ferror(file) == 0, count <= most else { return nil }
    return Array(bytes[..<count])
  }
}
