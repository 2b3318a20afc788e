// What a report says about a destination as a whole: whether it failed, and whether it answered about content at all.

import Forwarding
import Foundation
import HubRuntime
import Journal
import LocalAPI
import Logging
import Synchronization
import VitalSigns

extension DeliveryReport {
  /// Why the destination as a whole did not answer about content; nil when it did.
  var silence: RetryReason? {
    switch outcome {
    case .failed(let reason, _): return reason
    case .refusedTogether: return nil
    case .each(let results):
      var first: RetryReason?
      for result in results {
        guard case .retry(let reason, _) = result, !reason.concernsItemAlone else { return nil }
        first = first ?? reason
      }
      return first
    }
  }

  /// Why something is to be sent again, if anything is.
  var failure: RetryReason? {
    switch outcome {
    case .failed(let reason, _): return reason
    case .refusedTogether: return nil
    case .each(let results):
      for case .retry(let reason, _) in results { return reason }
      return nil
    }
  }
}
