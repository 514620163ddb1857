import Glibc
import Kernel

/// The system's clocks: one that people set, and one that nobody can.
package struct LiveTime: Time {
    package init() {}

    package func now() -> Timestamp {
        var moment = timespec()
        clock_gettime(CLOCK_REALTIME, &moment)
        return Timestamp(milliseconds: Int64(moment.tv_sec) * 1_000 + Int64(moment.tv_nsec) / 1_000_000)
    }

    package func elapsed() -> Duration {
        var moment = timespec()
        clock_gettime(CLOCK_MONOTONIC, &moment)
        return Duration.seconds(Int64(moment.tv_sec)) + Duration.nanoseconds(Int64(moment.tv_nsec))
    }

    package func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }
}
