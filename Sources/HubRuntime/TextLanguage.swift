// The languages in which people read what the hub says: nurses on the board, installers in a terminal.

/// A language with a catalogue of its own. Raw values are BCP 47 and name the catalogue's file.
public enum TextLanguage: String, Sendable, Hashable, CaseIterable {
  case nb, nn, en
}
