import Kernel
import Logging

/// Everything an operator can set. Reading a setting is what declares it.
///
/// `till config`, docs/configuration.md and the check at start all come from here.
package struct Settings: Sendable {
    /// Whether money is play money of the sandbox or real.
    package enum Mode: String, Sendable, CaseIterable { case test, live }

    /// Who may call `/verify` and `/settle`.
    package enum FacilitatorAccess: String, Sendable, CaseIterable { case open, key }

    package let mode: Mode
    package let listen: ListenAddress
    /// The data file.
    package let data: String
    /// The directory of snapshots.
    package let backups: String
    package let sellerName: String
    /// Addresses, in their one spelling, whose `X-Forwarded-For` is believed.
    package let trustedProxies: [String]
    /// Exact origins, or `*` alone.
    package let allowedOrigins: [String]
    package let logLevel: Logger.Level
    package let facilitatorAccess: FacilitatorAccess
    /// The key that seals secrets at rest: 32 bytes, or nil to use the file beside the data file.
    package let dataKey: Secret<[UInt8]>?
    package let payments: PaymentSettings
    package let limits: LimitSettings
    package let sandbox: SandboxSettings

    private let publicURLGiven: String?

    /// - Throws: `InvalidSettings` with every fault at once.
    package init(from source: inout SettingSource) throws {
        _ = source.text("config", "", shown: "none", range: "the path of a JSON file", help: "File with settings by name, read at start")
        let mode = source.choice("mode", Mode.test, help: "`test` sells for the sandbox's play money, `live` for real money")
        let address = source.text(
            "listen", Self.listenStandard, range: "HOST:PORT", help: "Address to serve on; port 0 takes any free one",
            check: { ListenAddress($0) != nil })
        let listen = ListenAddress(address) ?? ListenAddress(host: "127.0.0.1", port: 8402)
        let isOpen = mode == .test && listen.isLoopback
        self.mode = mode
        self.listen = listen
        let shop = source.text(
            "public_url", "http://\(listen)", shown: "http:// and `listen`", range: "an http or https URL without a path",
            help: "Where buyers reach this machine, such as https://pay.example.com", check: { WebAddress.origin($0) != nil })
        publicURLGiven = shop == "http://\(listen)" ? nil : WebAddress.origin(shop)
        data = source.text("data", "data/till.sqlite", range: "the path of a file", help: "The data file; its lock, key and socket lie beside it")
        backups = source.text("backups", "backups/", range: "the path of a directory", help: "Where snapshots are kept")
        sellerName = source.text("seller_name", "My shop", range: "1 to 200 characters", help: "The shop's name on pages and receipts") {
            (1...200).contains($0.count) && $0.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
        }
        trustedProxies = source.list(
            "trusted_proxies", range: "IP addresses", help: "Proxies whose X-Forwarded-For is believed", element: { WebAddress.canonical($0) })
        allowedOrigins = source.list(
            "allowed_origins", range: "origins such as https://shop.example",
            help: "Web pages whose scripts may call the API; `*` means any, in test mode", element: { $0 == "*" ? $0 : WebAddress.origin($0) })
        logLevel = source.choice("log_level", Logger.Level.info, help: "The least serious message that is logged")
        facilitatorAccess = source.choice(
            "facilitator_access", isOpen ? FacilitatorAccess.open : FacilitatorAccess.key, shown: "open on a loopback address in test mode, else key",
            help: "Whether /verify and /settle are open, or need an API key with scope payments")
        dataKey = source.secret(
            "data_key", range: "64 hexadecimal digits", help: "Seals secrets at rest; without it the key file beside the data file does"
        ) {
            Hex.decode($0).flatMap { $0.count == 32 ? $0 : nil }
        }
        payments = PaymentSettings(from: &source)
        limits = LimitSettings(from: &source)
        sandbox = SandboxSettings(from: &source)
        Self.check(mode: mode, listen: listen, proxies: trustedProxies, origins: allowedOrigins, sandbox: sandbox, &source)
        try source.finish()
    }

    private static let listenStandard = "127.0.0.1:8402"

    /// Where buyers reach this machine, without a last slash.
    package var publicURL: String { publicURL(boundPort: listen.port) }

    /// The same once the port is known: `listen` may leave it to the system.
    package func publicURL(boundPort: Int) -> String { publicURLGiven ?? "http://" + listen.text(port: boundPort) }

    /// Rules that hold between settings.
    private static func check(
        mode: Mode, listen: ListenAddress, proxies: [String], origins: [String], sandbox: SandboxSettings, _ source: inout SettingSource
    ) {
        if !listen.isLoopback, proxies.isEmpty {
            source.refuse("listen is \(listen), which others can reach: name the proxy that adds TLS in trusted_proxies, or listen on 127.0.0.1.")
        }
        if origins.contains("*"), origins.count > 1 { source.refuse("allowed_origins names * and others; * alone means any.") }
        guard mode == .live else { return }
        if origins.contains("*") { source.refuse("allowed_origins is *, which live mode refuses: name each origin.") }
        if !sandbox.isHonest {
            source.refuse("sandbox_delay_milliseconds, sandbox_fail_every and sandbox_lose_answer_every must be 0 in live mode.")
        }
    }
}

/// How payments are taken, settled and charged for.
package struct PaymentSettings: Sendable {
    /// How long terms hold once they were told to a buyer.
    package let terms: Duration
    /// How long stock is held for a checkout.
    package let reservation: Duration
    package let settlementLease: Duration
    package let settlementAttempts: Int
    /// Longest wait of a paying request for the network's answer.
    package let settlementAnswer: Duration
    package let settlementPoll: Duration
    package let feeBasisPoints: Int
    /// Decimal text with at most two places, in the currency of the sale.
    package let feeFixed: String

    init(from source: inout SettingSource) {
        terms = source.seconds("terms_seconds", 300, in: 60...3_600, help: "How long payment terms hold (maxTimeoutSeconds of x402)")
        reservation = source.seconds("reservation_seconds", 900, in: 60...86_400, help: "How long stock is held for a checkout")
        settlementLease = source.seconds("settlement_lease_seconds", 300, in: 30...3_600, help: "How long one worker may hold a settlement")
        settlementAttempts = source.count(
            "settlement_attempts", 5, in: 1...20, unit: "attempts", help: "Failed attempts after which a settlement waits for a person")
        settlementAnswer = source.seconds(
            "settlement_answer_seconds", 20, in: 1...60, help: "Longest wait for the network before a buyer is told settlement_pending")
        settlementPoll = source.seconds("settlement_poll_seconds", 30, in: 1...300, help: "Longest wait between two looks for unsettled payments")
        feeBasisPoints = source.count(
            "fee_basis_points", 0, in: 0...5_000, unit: "basis points", help: "The operator's share of each sale; 100 are 1 %")
        feeFixed = source.text(
            "fee_fixed", "0.00", range: "decimal text with at most two places", help: "The operator's fixed fee for each sale, in its currency",
            check: { (try? Amount(decimal: $0, .usd, param: "fee_fixed")) != nil })
    }
}

/// Bounds on what is taken, kept and waited for.
package struct LimitSettings: Sendable {
    package let bodyBytesSignIn: Int
    package let bodyBytesAPI: Int
    package let bodyBytesX402: Int
    package let header: Duration
    package let body: Duration
    package let idle: Duration
    package let connectionsMax: Int
    package let session: Duration
    package let setupCode: Duration
    /// Bytes of the disk that are left free: below them writes are refused.
    package let diskReserveBytes: Int64

    init(from source: inout SettingSource) {
        let body = 1_000...16_777_216
        bodyBytesSignIn = source.count("body_bytes_sign_in", 10_000, in: body, unit: "bytes", help: "Largest body of a sign-in")
        bodyBytesAPI = source.count("body_bytes_api", 50_000, in: body, unit: "bytes", help: "Largest body of an API request")
        bodyBytesX402 = source.count("body_bytes_x402", 65_536, in: body, unit: "bytes", help: "Largest body of an x402 request")
        header = source.seconds("header_seconds", 10, in: 1...60, help: "Longest time a request's head may take to arrive")
        self.body = source.seconds("body_seconds", 25, in: 1...300, help: "Longest time a request's body may take to arrive")
        idle = source.seconds("idle_seconds", 10, in: 1...300, help: "How long a connection may stay open without a request")
        connectionsMax = source.count("connections_max", 4_096, in: 1...65_536, unit: "connections", help: "Connections open at once; more wait")
        session = .seconds(3_600 * source.count("session_hours", 12, in: 1...720, unit: "hours", help: "How long a sign-in lasts"))
        setupCode = .seconds(3_600 * source.count("setup_code_hours", 24, in: 1...168, unit: "hours", help: "How long the one-time setup link works"))
        diskReserveBytes = Int64(
            source.count(
                "disk_reserve_bytes", 268_435_456, in: 0...1_099_511_627_776, unit: "bytes", help: "Free space below which writes are refused"))
    }
}

/// Misfortunes of the sandbox network, for rehearsals. All 0 by default.
package struct SandboxSettings: Sendable {
    package let delay: Duration
    /// Every how many settlements one fails; 0 for never.
    package let failEvery: Int
    /// Every how many settlements one is done and its answer lost; 0 for never.
    package let loseAnswerEvery: Int

    /// Whether the sandbox behaves as a good network does.
    package var isHonest: Bool { delay == .zero && failEvery == 0 && loseAnswerEvery == 0 }

    init(from source: inout SettingSource) {
        delay = .milliseconds(
            source.count("sandbox_delay_milliseconds", 0, in: 0...60_000, unit: "milliseconds", help: "Wait before the sandbox executes a transfer"))
        failEvery = source.count(
            "sandbox_fail_every", 0, in: 0...1_000_000, unit: "settlements", help: "Lets every n-th settlement in the sandbox fail; 0 for none")
        loseAnswerEvery = source.count(
            "sandbox_lose_answer_every", 0, in: 0...1_000_000, unit: "settlements", help: "Loses the answer of every n-th settlement; 0 for none")
    }
}
