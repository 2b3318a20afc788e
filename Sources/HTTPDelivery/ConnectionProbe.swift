// Can a server be reached? A connection and, where the address is https, the handshake with the server's certificate; then
// it is closed. Nothing is sent, so no server counts it as a request and no person's data is on the way.

internal import Forwarding
internal import HubRuntime
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS

/// One look at one origin.
struct ConnectionProbe {
  let origin: HTTPOrigin
  let tls: TLSConfiguration
  /// For the connection and the handshake together.
  let timeout: Duration

  /// Nil: reached.
  func run() async -> RetryReason? {
    let reason: RetryReason?? = await within(timeout) { await connect() }
    // In time the connection's own answer, which may be nil; else nothing answered.
    return reason ?? .unreachable
  }

  private func connect() async -> RetryReason? {
    let loop = HostLoops.group(for: origin.host).any()
    let shaken = loop.makePromise(of: Void.self)
    let (isSecure, host, tls) = (origin.isSecure, origin.host, tls)
    let bootstrap = ClientBootstrap(group: loop).connectTimeout(TimeAmount(timeout)).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        guard isSecure else { return }
        let context = try NIOSSLContext(configuration: tls)
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        try channel.pipeline.syncOperations.addHandlers(
          NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host), HandshakeListener(shaken))
      }
    }
    let channel: any Channel
    do {
      channel = try await bootstrap.connect(host: origin.host, port: origin.port).get()
    } catch {
      shaken.fail(error)
      return error is NIOSSLError || error is BoringSSLError ? .tlsFailed : .unreachable
    }
    defer { channel.close(promise: nil) }
    if !isSecure {
      shaken.succeed()
      return nil
    }
    return await withTaskCancellationHandler {
      do {
        try await shaken.futureResult.get()
        return nil
      } catch {
        return .tlsFailed
      }
    } onCancel: {
      // The listener then fails the promise.
      channel.close(promise: nil)
    }
  }
}

/// Fulfils a promise when the handshake has succeeded, failed, or can no longer happen. Used on its channel's loop only.
private final class HandshakeListener: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let promise: EventLoopPromise<Void>

  init(_ promise: EventLoopPromise<Void>) { self.promise = promise }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { promise.succeed() }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.fail(ChannelError.eof)
    context.fireChannelInactive()
  }
}
