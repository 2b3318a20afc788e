// What brings a copy of some tables up to date: by the columns that both files have, whatever their versions.

package import GRDB

/// Copies rows of one table into the same table of another file of the connection.
package struct CopiedRows {
  package let from: String
  package let to: String
  /// By table: the columns that both have, as a statement lists them. The other file may be of another version.
  private var columns: [String: String] = [:]

  package init(from: String, to: String) { (self.from, self.to) = (from, to) }

  package mutating func copy(_ db: Database, _ table: String, _ condition: String = "1", _ arguments: StatementArguments = []) throws {
    let list = try columns[table] ?? Self.common(db, table, from, to)
    columns[table] = list
    if list.isEmpty { return }
    let sql = "INSERT OR REPLACE INTO \(to).\(table) (\(list)) SELECT \(list) FROM \(from).\(table) WHERE \(condition)"
    try db.cachedStatement(sql: sql).execute(arguments: arguments)
  }

  private static func common(_ db: Database, _ table: String, _ from: String, _ to: String) throws -> String {
    let sql = "SELECT name FROM pragma_table_info(?, ?) INTERSECT SELECT name FROM pragma_table_info(?, ?)"
    return try String.fetchAll(db.cachedStatement(sql: sql), arguments: [table, from, table, to]).joined(separator: ", ")
  }
}
