import Kernel
import Synchronization

/// Hosts that are functions, behind a network that fails by seed.
///
/// It is healthy until `fail(oneIn:)`. From there to `heal()` one request in so many
/// never arrives (`unreachable`), and of those that do one in as many loses its
/// answer (`noAnswer`) after the host has acted.
package final class SimulatedNetwork: Network {
    package typealias Host = @Sendable (Request) async throws -> Answer

    private struct State {
        var hosts: [(prefix: String, host: Host)] = []
        var faultsOneIn: UInt64 = 0
        var sent: [Request] = []
    }

    private let state = Mutex(State())
    private let faults: SeededChance

    package init(faults: SeededChance) { self.faults = faults }

    /// Lets `host` answer every URL that begins with `prefix`; the longest prefix wins.
    package func host(_ prefix: String, _ host: @escaping Host) {
        state.withLock { state in
            state.hosts.removeAll { $0.prefix == prefix }
            state.hosts.append((prefix: prefix, host: host))
        }
    }

    /// Begins the faults.
    package func fail(oneIn n: UInt64) { state.withLock { $0.faultsOneIn = n } }

    /// Ends the faults, so that a run can check that everything outstanding completes.
    package func heal() { state.withLock { $0.faultsOneIn = 0 } }

    /// Every request that reached a host, in order.
    package var sent: [Request] { state.withLock { $0.sent } }

    package func send(_ request: Request) async throws -> Answer {
        guard let host = find(request.url), !fails() else { throw NetworkFailure.unreachable }
        state.withLock { $0.sent.append(request) }
        let answer = try await host(request)
        if fails() { throw NetworkFailure.noAnswer }
        return answer
    }

    private func find(_ url: String) -> Host? {
        let hosts: [(prefix: String, host: Host)] = state.withLock { $0.hosts }
        return hosts.filter { url.hasPrefix($0.prefix) }.max { $0.prefix.count < $1.prefix.count }?.host
    }

    private func fails() -> Bool {
        let n: UInt64 = state.withLock { $0.faultsOneIn }
        return n > 0 && faults.oneIn(n)
    }
}
