import Glibc
import Kernel

/// The system's random source, fit for keys: getentropy(3).
package struct LiveChance: Chance {
    package init() {}

    /// The most that getentropy gives at once.
    private static let atOnce = 256

    package func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let part = min(Self.atOnce, count - filled)
                // It fails only where the system has no random source at all: a till must not go on without.
                precondition(getentropy(buffer.baseAddress.map { $0 + filled }, part) == 0, "the system gives no random bytes")
                filled += part
            }
        }
    }
}
