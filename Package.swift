// swift-tools-version: 6.2
import PackageDescription

// The house: which target may see which. An import that no arrow here allows does not build
// (`scripts/test` passes --explicit-target-dependency-import-check error), and every arrow points down
// the picture in docs/architecture.md.

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let bigInt = Target.Dependency.product(name: "BigInt", package: "BigInt")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

func layer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "till",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "till", targets: ["till"])],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.0"),
        .package(url: "https://github.com/attaswift/BigInt", from: "6.0.0"),
    ],
    targets: [
        // 0: values only.
        layer("Kernel", []),
        // 1: the file, and the networks.
        layer("Storage", ["Kernel", grdb, sqlite, crypto]),
        layer("Rails", ["Kernel", "CSecp256k1", bigInt]),
        // 2: one noun each. Never see each other.
        layer("Access", ["Kernel", "Storage", grdb, crypto, cryptoExtras]),
        layer("Ledger", ["Kernel", "Storage", grdb]),
        layer("Goods", ["Kernel", "Storage", grdb]),
        layer("Webhooks", ["Kernel", "Storage", grdb]),
        layer("Sandbox", ["Kernel", "Storage", "Rails", grdb]),
        // 3: where they meet in one transaction.
        layer("Payments", ["Kernel", "Storage", "Rails", "Access", "Ledger", "Goods", "Webhooks", grdb]),
        // 4: the counter.
        .target(
            name: "WebAssets", path: "web",
            resources: [
                .embedInCode("till.css"), .embedInCode("pay.js"), .embedInCode("setup.js"), .embedInCode("page.mustache"),
                .embedInCode("pay.mustache"), .embedInCode("notice.mustache"), .embedInCode("signin.mustache"), .embedInCode("setup.mustache"),
                .embedInCode("overview.mustache"), .embedInCode("payments.mustache"), .embedInCode("payment.mustache"),
                .embedInCode("links.mustache"),
            ]),
        layer(
            "Web",
            [
                "Kernel", "Storage", "Rails", "Access", "Ledger", "Goods", "Webhooks", "Payments", "WebAssets", "CQREncode", "CZlib",
                hummingbird, hummingbirdCore, mustache, logging, httpTypes, nioCore, nioHTTPTypes, lifecycle, grdb,
            ]),
        // 5: wiring, settings, commands, the real world.
        layer(
            "Appliance",
            [
                "Kernel", "Storage", "Rails", "Access", "Ledger", "Goods", "Webhooks", "Sandbox", "Payments", "Web", "CCurl",
                hummingbird, configuration, argumentParser, lifecycle, unixSignals, logging, httpTypes, nioCore, nioPosix, grdb,
            ]),
        .executableTarget(name: "till", dependencies: ["Appliance"], swiftSettings: strict),

        // Libraries of the system, and the one C file that libcurl's variadic functions ask for.
        .systemLibrary(name: "CSecp256k1", pkgConfig: "libsecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
        .systemLibrary(name: "CQREncode", pkgConfig: "libqrencode", providers: [.apt(["libqrencode-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),

        .target(name: "Simulation", dependencies: ["Kernel", "Storage", "Rails", "CSecp256k1"], path: "Tests/Simulation", swiftSettings: strict),
        tests("TidyTests", []),
        tests("KernelTests", ["Kernel", "Simulation"]),
        tests("StorageTests", ["Kernel", "Storage", "Simulation", grdb]),
        tests("LedgerTests", ["Kernel", "Ledger", "Simulation", "Storage", grdb]),
        tests("RailsTests", ["Kernel", "Rails", "Simulation", "Sandbox", "Storage"]),
        tests("PaymentsTests", ["Kernel", "Access", "Goods", "Ledger", "Payments", "Rails", "Sandbox", "Simulation", "Storage", "Webhooks", grdb]),
        tests(
            "WebTests",
            [
                "Kernel", "Access", "Appliance", "Goods", "Ledger", "Payments", "Rails", "Sandbox", "Simulation", "Storage", "Web", "Webhooks", hummingbird, hummingbirdTesting, httpTypes,
                nioCore, logging, grdb,
            ]),
        tests("ApplianceTests", ["Appliance", "Kernel", "Simulation", "Storage", "Web", configuration, lifecycle, logging]),
    ],
    swiftLanguageModes: [.v6]
)
