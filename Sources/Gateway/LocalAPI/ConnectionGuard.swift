// Holds ConnectionBook.swift's rules on a listener's real connections: a handler in each connection's pipeline tells of life, the
// room closes who must go.

import NIOCore
import Synchronization

/// The connections of one listener. Any thread.
final class ConnectionRoom: Sendable {
  private struct State {
    var book: ConnectionBook
    var channels: [UInt64: any Channel] = [:]
  }
  private let state: Mutex<State>

  init(_ limits: ConnectionBook.Limits) { state = Mutex(State(book: ConnectionBook(limits))) }

  var count: Int { state.withLock { $0.book.count } }

  func enter(_ channel: any Channel) -> UInt64 {
    let (id, evicted) = state.withLock { state in
      let (id, out) = state.book.enter(at: .now())
      state.channels[id] = channel
      return (id, out.flatMap { state.channels.removeValue(forKey: $0) })
    }
    evicted?.close(promise: nil)
    return id
  }

  func touch(_ id: UInt64) { state.withLock { $0.book.touch(id, at: .now()) } }

  func leave(_ id: UInt64) {
    state.withLock { state in
      state.book.leave(id)
      state.channels[id] = nil
    }
  }

  /// Closes those whose time is over. Once a second is enough.
  func sweep() {
    let gone = state.withLock { state in
      state.book.overdue(at: .now()).compactMap { state.channels.removeValue(forKey: $0) }
    }
    for channel in gone { channel.close(promise: nil) }
  }
}

/// In each connection's pipeline, after the HTTP decoder: what passes here is a request's head or more, or an answer.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny
  typealias InboundOut = NIOAny
  typealias OutboundIn = NIOAny
  typealias OutboundOut = NIOAny

  private let room: ConnectionRoom
  private var id: UInt64?

  init(_ room: ConnectionRoom) { self.room = room }

  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { enter(context) } }

  func channelActive(context: ChannelHandlerContext) {
    enter(context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { leave() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if let id { room.touch(id) }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
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
