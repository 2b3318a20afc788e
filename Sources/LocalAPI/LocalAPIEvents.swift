// The core's event stream as an asynchronous sequence. It ends with an error when the core closes it, dies or falls
// silent; it never reconnects by itself, because what happened in between must be read from the journal first.

import AsyncHTTPClient
import Foundation
import HubRuntime
import NIOCore
import NIOHTTP1

/// One event of `GET /v1/events`.
public enum LocalAPIEvent: Sendable {
  /// An alert changed. Sent before it is on disk.
  case alert(API.Alert)
  /// Everything up to this sequence is durable.
  case committed(API.Committed)
  /// A sign of life, every second.
  case core(API.CorePulse)
  /// How destinations do, whenever that changes.
  case destinations([API.DestinationState])
  /// A kind that this version does not know. Never sent.
  case other(name: String)

  /// The kinds of this version, as the stream names them.
  package enum Kind: String, Sendable, CaseIterable {
    case alert, committed, core, destinations
  }
}

/// The events of one connection, pulled one at a time. Each iterator is a connection of its own.
public struct LocalAPIEvents: AsyncSequence, Sendable {
  public typealias Element = LocalAPIEvent

  let socketPath: String
  let request: HTTPClientRequest
  let client: HTTPClient

  public func makeAsyncIterator() -> Iterator { Iterator(source: self) }

  public struct Iterator: AsyncIteratorProtocol {
    let source: LocalAPIEvents
    private var body: HTTPClientResponse.Body.AsyncIterator?
    private var parser = ServerSentEventParser()
    private var waiting: ArraySlice<ServerSentEvent> = []

    init(source: LocalAPIEvents) { self.source = source }

    /// The next event. Never nil while the core lives. Throws ``LocalAPIError`` when the stream ends for whatever reason:
    /// ``LocalAPIError/noAnswer(socket:reason:)`` after ten silent seconds.
    @concurrent public mutating func next() async throws -> LocalAPIEvent? {
      while true {
        if let event = waiting.popFirst() { return try decode(event) }
        if body == nil { body = try await connect() }
        let bytes: ByteBuffer?
        do { bytes = try await body?.next() } catch { throw LocalAPIClient.failure(error, source.socketPath) }
        guard let bytes else { throw LocalAPIError.noAnswer(socket: source.socketPath, reason: "it closed the event stream") }
        do {
          waiting = try parser.events(in: bytes.readableBytesView)[...]
        } catch {
          throw LocalAPIError.unexpectedAnswer("an event larger than \(SizeText.text(ServerSentEventParser.eventBytesMax))")
        }
      }
    }

    @concurrent private func connect() async throws(LocalAPIError) -> HTTPClientResponse.Body.AsyncIterator {
      do {
        let response = try await source.client.execute(source.request, deadline: .distantFuture)
        if response.status == .ok { return response.body.makeAsyncIterator() }
        let bytes = Array(buffer: try await response.body.collect(upTo: 65_536))
        throw LocalAPIClient.refusal(status: Int(response.status.code), bytes, source.socketPath)
      } catch let error as LocalAPIError {
        throw error
      } catch {
        throw LocalAPIClient.failure(error, source.socketPath)
      }
    }

    private func decode(_ event: ServerSentEvent) throws(LocalAPIError) -> LocalAPIEvent {
      let data = Data(event.data.utf8)
      do {
        switch LocalAPIEvent.Kind(rawValue: event.name) {
        case .alert: return .alert(try JSONDecoder().decode(API.Alert.self, from: data))
        case .committed: return .committed(try JSONDecoder().decode(API.Committed.self, from: data))
        case .core: return .core(try JSONDecoder().decode(API.CorePulse.self, from: data))
        case .destinations: return .destinations(try JSONDecoder().decode([API.DestinationState].self, from: data))
        case nil: return .other(name: event.name)
        }
      } catch {
        throw .unexpectedAnswer("event \(event.name): \(error)")
      }
    }
  }
}
