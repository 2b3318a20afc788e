// Holds ConnectionBook.swift's rules on a listener's real connections. A handler in each connection's pipeline tells of life. The
// room closes who must go.

package import NIOCore
import Synchronization

/// The connections of one listener. Any thread.
package final class ConnectionRoom: Sendable {
  private struct State {
    var book: ConnectionBook
    var channels: [UInt64: any Channel] = [:]
  }
  private let state: Mutex<State>

  package init(_ limits: ConnectionBook.Limits) { state = Mutex(State(book: ConnectionBook(limits))) }

  package var count: Int { state.withLock { $0.book.count } }

  package func enter(_ channel: any Channel) -> UInt64 {
    let (id, evicted) = state.withLock { state in
      let (id, out) = state.book.enter(at: .now())
      state.channels[id] = channel
      return (id, out.flatMap { state.channels.removeValue(forKey: $0) })
    }
    evicted?.close(promise: nil)
    return id
  }

  func touch(_ id: UInt64) { state.withLock { $0.book.touch(id, at: .now()) } }

  package func leave(_ id: UInt64) {
    state.withLock { state in
      state.book.leave(id)
      state.channels[id] = nil
    }
  }

  /// Closes those whose time is over. Once a second is enough.
  package func sweep() {
    let gone = state.withLock { state in
      state.book.overdue(at: .now()).compactMap { state.channels.removeValue(forKey: $0) }
    }
    for channel in gone { channel.close(promise: nil) }
  }
}

/// Stands in each connection's pipeline after the HTTP decoder. What passes here is a request's head or more, or an answer.
package final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = NIOAny
  package typealias InboundOut = NIOAny
  package typealias OutboundIn = NIOAny
  package typealias OutboundOut = NIOAny

  private let room: ConnectionRoom
  private var id: UInt64?

  package init(_ room: ConnectionRoom) { self.room = room }

  package func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { enter(context) } }

  package func channelActive(context: ChannelHandlerContext) {
    enter(context)
    context.fireChannelActive()
  }

  package func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  package func handlerRemoved(context: ChannelHandlerContext) { leave() }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if let id { room.touch(id) }
    context.fireChannelRead(data)
  }

  package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if let id { room.touch(id) }
    context.write(data, promise: promise)
  }

  private func enter(_ context: ChannelHandlerContext) {
    if id == nil { id = room.enter(context.channel) }
  }

  private func leave() {
    if let id { room.leave(id) }
    id = nil
  }
}
