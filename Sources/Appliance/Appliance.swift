import Access
import Kernel
import Ledger
import Logging
import Payments
import Rails
import Sandbox
import ServiceLifecycle
import Storage
import UnixSignals
import Web
import Webhooks

/// The product, put together: one data file, its rails, its workers, its doors.
package struct Appliance: Sendable {
    package static let version = "0.1.0"

    package let settings: Settings
    package let world: World
    package let store: Store
    package let dataKey: DataKey
    package let seller: Seller
    package let cashier: Cashier
    package let logger: Logger

    /// Opens the data file and everything that stands on it.
    ///
    /// - Throws: `StoreRefusal` where the file cannot be used; `DiskFailure` where
    ///   the key file cannot be read or written.
    package static func open(_ settings: Settings, world: World, logger: Logger) async throws -> Appliance {
        LiveProcess.keepFilesPrivate()
        let key = try DataKeyFile.open(settings, world: world)
        let store = try Store(path: settings.data, schema: Tables.migrations, options: options(settings, world), now: world.time.now())
        let seller = try await seller(settings, store, key, world)
        let sandbox = SandboxRail(
            store: store, time: world.time,
            faults: SandboxFaults(
                delay: settings.sandbox.delay, failEvery: settings.sandbox.failEvery, loseAnswerEvery: settings.sandbox.loseAnswerEvery))
        let cashier = Cashier(store: store, rails: [sandbox], tenders: [sandboxTender], rules: rules(settings), world: world)
        return Appliance(
            settings: settings, world: world, store: store, dataKey: key, seller: seller, cashier: cashier, logger: logger)
    }

    private static let sandboxTender = Tender(
        network: EVMNetwork.baseSepolia.caip2, asset: EVMToken.baseSepoliaUSDC.asset, contract: EVMToken.baseSepoliaUSDC.address,
        extra: EVMToken.baseSepoliaUSDC.extra, livemode: false)

    private static func options(_ settings: Settings, _ world: World) -> Store.Options {
        var options = Store.Options()
        let (data, disk, backups, time) = (settings.data, world.disk, settings.backups, world.time)
        options.reserveBytes = settings.limits.diskReserveBytes
        // What cannot be told is no reason to refuse: the disk itself will say when it is full.
        options.freeBytes = { try? disk.freeBytes(at: data) }
        options.beforeMigrating = { file in
            let directory = backups.hasSuffix("/") ? backups : backups + "/"
            let name = "before-" + file.first.split(separator: " ")[0].replacing("/", with: "-") + "-\(time.now().milliseconds).sqlite"
            try LiveDisk.prepareDirectory(directory)
            try file.copy(to: directory + name + ".tmp")
            try LiveDisk.publish(directory + name + ".tmp", as: directory + name)
        }
        return options
    }

    private static func rules(_ settings: Settings) -> PaymentRules {
        var rules = PaymentRules()
        rules.termsSeconds = Int(settings.payments.terms.components.seconds)
        rules.reservation = settings.payments.reservation
        rules.lease = settings.payments.settlementLease
        rules.attempts = settings.payments.settlementAttempts
        rules.answerWithin = settings.payments.settlementAnswer
        return rules
    }

    /// What has to stand in the file before anything is served: the seller, the fees, ids that go on.
    private static func seller(_ settings: Settings, _ store: Store, _ key: DataKey, _ world: World) async throws -> Seller {
        let (found, newest, fees) = try await store.read { db in
            (try Seller.first(in: db), try Event.newestTime(in: db), try FeeSchedule.current(in: db))
        }
        if let newest { world.ids.raise(to: newest) }
        let fixed = try Amount(decimal: settings.payments.feeFixed, .usd, param: "fee_fixed")
        let schedule = FeeSchedule(basisPoints: Int64(settings.payments.feeBasisPoints), fixed: fixed)
        let name = settings.sellerName
        if let found, found.name == name, fees.says(the: schedule) { return found }
        let secret = world.chance.bytes(32)
        let address = try Secp256k1.address(ofKey: secret).checksummed
        let sealed = try key.seal(secret, for: "sellers/sandbox_key", nonce: world.chance.bytes(12))
        return try await store.write { db in
            try schedule.enact(at: world.time.now(), in: db)
            guard let seller = try Seller.first(in: db) else {
                return try Seller.create(
                    named: name, sandboxNetwork: EVMNetwork.baseSepolia.caip2, sandboxAddress: address, sandboxKey: sealed, world: world, in: db)
            }
            try Seller.rename(seller.id, to: name, in: db)
            return try Seller.find(seller.id, in: db) ?? seller
        }
    }

    /// Serves until asked to stop, or until the file can no longer be trusted.
    ///
    /// - Parameters:
    ///   - stop: Ends it gracefully, as a signal does.
    ///   - onReady: Called once with the URL, when the port is open. Requests are
    ///     answered once it has returned.
    package func serve(until stop: Nudge = Nudge(), onReady: @escaping @Sendable (String) -> Void) async throws {
        // Whoever had a lease is gone: the lock on the file says so. On a full disk they end by themselves.
        let now = world.time.now()
        do { try await store.write { db in try Settlement.endLeases(at: now, in: db) } } catch StoreFailure.diskFull(let text) {
            logger.warning("the disk is full: reads only", metadata: ["reason": "\(text)"])
        }
        let port = settings.listen.port == 0 ? try LiveProcess.freePort(host: settings.listen.host) : settings.listen.port
        let url = settings.publicURL(boundPort: port)
        let health = WorkerHealth()
        let counter = try Counter(store: store, cashier: cashier, dataKey: dataKey, world: world, options: counterOptions(url, health))
        let server = Server(
            counter: counter, host: settings.listen.host, port: port, limits: serverLimits, logger: logger, onListening: { _ in onReady(url) })
        let control = ControlSocket(data: settings.data, logger: logger) { request in try await Control(appliance: self, publicURL: url).answer(request) }
        let group = ServiceGroup(
            configuration: .init(
                services: loops(health).map { .init(service: $0) } + [
                    .init(service: control), .init(service: server),
                    .init(service: Until(nudge: stop, time: world.time), successTerminationBehavior: .gracefullyShutdownGroup),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        try await group.run()
    }

    /// Empties the WAL and closes the file. Not after a failed fsync: then only reopening shows what is there.
    package func close() async throws {
        if store.stopped == nil { try await store.close() }
    }

    /// Every worker of the product, one line each.
    private func loops(_ health: WorkerHealth) -> [Loop] {
        let settlements = SettlementWorker(cashier)
        let reaper = ReservationReaper(store: store, world: world)
        let store = store
        return [
            loop("settlements", every: settings.payments.settlementPoll, cashier.nudge, health) { try await settlements.tick() },
            loop("reservations", every: .seconds(15), Nudge(), health) {
                try await reaper.tick()
                return nil
            },
            loop("store", every: .milliseconds(250), Nudge(), health) {
                if let reason = store.stopped { throw StoreFailure.stopped(reason) }
                return nil
            },
        ]
    }

    private func loop(
        _ name: String, every: Duration, _ nudge: Nudge, _ health: WorkerHealth, _ tick: @escaping @Sendable () async throws -> Timestamp?
    ) -> Loop {
        Loop(name, every: every, nudge: nudge, time: world.time, health: health, logger: logger, tick: tick)
    }

    private var quiet: Logger {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        return quiet
    }

    private var serverLimits: Server.Limits {
        var limits = Server.Limits()
        limits.connections = settings.limits.connectionsMax
        limits.header = settings.limits.header
        limits.body = settings.limits.body
        limits.idle = settings.limits.idle
        return limits
    }

    private func counterOptions(_ url: String, _ health: WorkerHealth) -> Counter.Options {
        var options = Counter.Options()
        options.publicURL = url
        options.version = Self.version
        options.sellerID = seller.id
        options.livemode = settings.mode == .live
        options.facilitatorIsOpen = settings.facilitatorAccess == .open
        options.allowedOrigins = settings.allowedOrigins
        options.bodyBytesSignIn = settings.limits.bodyBytesSignIn
        options.bodyBytesAPI = settings.limits.bodyBytesAPI
        options.bodyBytesX402 = settings.limits.bodyBytesX402
        options.sessionLasts = settings.limits.session
        let (time, disk, data, reserve, store) = (world.time, world.disk, settings.data, settings.limits.diskReserveBytes, store)
        let notReady: @Sendable () -> [String] = {
            var reasons = health.dead(at: time.elapsed()).map { "the worker \($0) is dead" }
            if let free = try? disk.freeBytes(at: data), free < reserve { reasons.append("the disk is at its reserve: \(free) bytes are free") }
            return reasons
        }
        options.notReady = notReady
        options.parts = {
            let dead = Set(health.dead(at: time.elapsed()))
            return [("database", store.stopped == nil ? "ok" : "stopped"), ("sandbox", "ok")]
                + health.names.map { ("worker:" + $0, dead.contains($0) ? "dead" : "ok") }
        }
        return options
    }
}

/// Ends the group of services when it is nudged.
private struct Until: Service {
    let nudge: Nudge
    let time: any Time

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled, await !nudged() {}
        }
    }

    /// Whether the nudge came, rather than the end of a day's wait.
    private func nudged() async -> Bool {
        let began = time.elapsed()
        await nudge.wait(atMost: .seconds(86_400), time: time)
        return time.elapsed() - began < .seconds(86_400)
    }
}

extension FeeSchedule {
    /// Whether both charge the same; versions aside.
    fileprivate func says(the other: FeeSchedule) -> Bool {
        version > 0 && basisPoints == other.basisPoints && fixed == other.fixed && rounding == other.rounding
    }
}
