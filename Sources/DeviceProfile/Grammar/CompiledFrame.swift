// What compiling one frame gives: the program itself, and what the checks of the whole profile need to know about it (what it
// can report, where each report stands in the file).

/// A program, with what the checks of the whole profile need to know about it.
struct CompiledFrame {
  var program: FrameProgram
  /// What each emit is called and where it stands. Empty for `decodeAs`, whose emits the other profile's vectors cover.
  var emits: [EmitOrigin]
  /// Indices of the observations that the program can report; `happened` has those of events.
  var observed: [Int]
  var happened: [Int]
  var hasSentinels: Bool
  var hasQualities: Bool
  var position: SourcePosition
}

struct EmitOrigin {
  var label: String
  var position: SourcePosition
}
