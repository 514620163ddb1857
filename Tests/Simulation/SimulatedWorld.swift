import Kernel
import Synchronization

/// A world where everything follows from a seed, and the four doors to steer it by.
package struct SimulatedWorld: Sendable {
    package let world: World
    package let time: SimulatedTime
    package let chance: SeededChance
    package let network: SimulatedNetwork
    package let disk: SimulatedDisk
}

extension World {
    /// 2023-11-14T22:13:20Z, a round number of seconds.
    package static let simulatedStart = Timestamp(milliseconds: 1_700_000_000_000)

    /// A world that gives the same run for the same seed, faults of the network included.
    package static func simulated(seed: UInt64) -> SimulatedWorld {
        let chance = SeededChance(seed: seed)
        let time = SimulatedTime(start: simulatedStart)
        // Faults draw from a sequence of their own, so that healing does not change the ids that follow.
        let network = SimulatedNetwork(faults: SeededChance(seed: seed ^ 0x6e65_7477_6f72_6b21))
        let disk = SimulatedDisk()
        let world = World(time: time, chance: chance, network: network, disk: disk)
        return SimulatedWorld(world: world, time: time, chance: chance, network: network, disk: disk)
    }
}

/// SplitMix64, so that a failing seed replays on any machine.
///
/// - SeeAlso: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014)
package final class SeededChance: Chance {
    private let state: Mutex<UInt64>

    package init(seed: UInt64) { state = Mutex(seed) }

    package func next() -> UInt64 {
        let step: UInt64 = state.withLock { state in
            state &+= 0x9e37_79b9_7f4a_7c15
            return state
        }
        var z = step
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    package func bytes(_ count: Int) -> [UInt8] {
        var out: [UInt8] = []
        for _ in 0..<count { out.append(UInt8(truncatingIfNeeded: next())) }
        return out
    }

    /// True once in `n` times.
    package func oneIn(_ n: UInt64) -> Bool { next() % n == 0 }

    /// A number from 0 up to and without `bound`.
    package func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
