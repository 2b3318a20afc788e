// Renders the pages of one person: the record, its form, and the page on which what is restricted stands for a minute.

import AlertTexts
import Foundation
import VitalSigns

/// What surrounds every page of a person: how the board is, who is signed in, and when.
struct PageFrame {
  let board: BoardState
  let session: Session
  let now: WallTime
}

extension Pages {
  func person(_ view: PersonView, notice: Notice?, reason: String, frame: PageFrame) -> String {
    var page = page(frame, title: view.personName)
    if let notice { page["notice"] = ["kind": notice.kind.rawValue, "text": notice.text] }
    page["view"] = view
    page["reasonText"] = reason
    return render("person", page)
  }

  func personForm(_ view: PersonFormView, problem: String?, frame: PageFrame) -> String {
    var page = page(frame, title: "\(catalogue.text("person", "editTitle")) – \(view.personName)")
    page["view"] = view
    page["hasProblem"] = problem != nil
    page["problem"] = problem ?? ""
    return render("personform", page)
  }

  /// - Parameters:
  ///   - who: the person's name.
  ///   - back: where the page goes by itself after `ShownAccess.seconds`.
  func access(_ shown: ShownAccess, who: String, back: String, frame: PageFrame) -> String {
    var page = page(frame, title: "\(catalogue.text("person", "accessTitle")) – \(who)")
    page["who"] = who
    page["back"] = back
    page["seconds"] = "\(ShownAccess.seconds)"
    page["isLogged"] = shown.isLogged
    page["accessText"] = shown.words(catalogue)
    page["codes"] = shown.fields.map { ["codeLabel": catalogue.label($0.field), "code": $0.text] }
    return render("access", page)
  }

  private func page(_ frame: PageFrame, title: String) -> [String: Any] {
    var page = livePage("board", frame.board, session: frame.session, now: frame.now)
    page["title"] = title
    return page
  }
}
