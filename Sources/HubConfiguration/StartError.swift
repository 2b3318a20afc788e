// What can keep a role from starting or going on. Each case names the operation that failed and what to do next.

public import HubRuntime

/// Why a role cannot start. Any thread.
public enum StartError: Error, CustomStringConvertible {
  /// The process has no file descriptors left.
  case descriptors(DescriptorShortage)
  /// The state or runtime folder cannot be made or used.
  case folder(path: String, reason: String)
  /// Another process holds the state folder.
  case alreadyRunning(path: String)
  /// Another process runs the same hub from another state folder: the original, or a copy that was restored.
  case hubRunsElsewhere(path: String, processID: Int32)
  case journal(String)
  case profiles(String)
  case link(name: String, reason: String)
  case secret(path: String, reason: String)
  case localAPI(path: String, reason: String)
  case coreNotReady(socket: String)

  public var description: String {
    switch self {
    case .descriptors(let shortage): shortage.description
    case .folder(let path, let reason):
      "cannot use the folder \(path): \(reason); create it and give it to the service's user, or change hub.state / hub.runtime"
    case .alreadyRunning(let path):
      "another knutepunkt already uses \(path); one core owns a state folder: stop the other, or give this one its own hub.state"
    case .hubRunsElsewhere(let path, let process):
      "the hub of \(path) runs on this machine already, from another state folder (process \(process)): one hub runs once; stop the one that is not to go on"
    case .journal(let reason): "the journal cannot be used: \(reason)"
    case .profiles(let reason): "device profiles do not load:\n\(reason)"
    case .link(let name, let reason): "the link \(name) cannot start: \(reason)"
    case .secret(let path, let reason): "cannot read the secret \(path): \(reason)"
    case .localAPI(let path, let reason): "cannot serve the local API on \(path): \(reason)"
    case .coreNotReady(let socket):
      "the core does not answer on \(socket); start knutepunkt-core first, or check hub.runtime in the configuration"
    }
  }

  /// The exit code that a command gives for it (sysexits.h).
  public var exitCode: Int32 {
    switch self {
    case .folder, .profiles, .link, .secret: 78
    case .alreadyRunning, .hubRunsElsewhere, .coreNotReady: 75
    case .descriptors, .journal, .localAPI: 70
    }
  }
}
