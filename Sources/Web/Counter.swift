import Access
import GRDB
import Kernel
import Payments
import Storage

/// Everything the routes need, as plain values: where the product meets the web.
package struct Counter: Sendable {
    package let store: Store
    package let cashier: Cashier
    package let dataKey: DataKey
    package let world: World
    package let options: Options
    let pages: Pages

    /// What the settings say about serving.
    package struct Options: Sendable {
        /// Where buyers reach this machine, without a last slash.
        package var publicURL = "http://127.0.0.1:8402"
        package var version = "0"
        /// The seller of this install, for routes that nobody signed in to.
        package var sellerID = ""
        /// Whether the admin page shows real money.
        package var livemode = false
        /// Whether `/verify` and `/settle` need no key.
        package var facilitatorIsOpen = false
        /// Exact origins whose pages may call the API; `*` for any.
        package var allowedOrigins: [String] = []
        package var bodyBytesSignIn = 10_000
        package var bodyBytesAPI = 50_000
        package var bodyBytesX402 = 65_536
        package var sessionLasts: Duration = .seconds(43_200)
        /// Why Till is not ready, a reason a line; empty when it is.
        package var notReady: @Sendable () -> [String] = { [] }
        /// States of the parts, for `/status`.
        package var parts: @Sendable () -> [(name: String, state: String)] = { [] }
        package init() {}
    }

    package init(store: Store, cashier: Cashier, dataKey: DataKey, world: World, options: Options) throws {
        self.store = store
        self.cashier = cashier
        self.dataKey = dataKey
        self.world = world
        self.options = options
        pages = try Pages()
    }

    func linkURL(_ token: String) -> String { options.publicURL + "/pay/" + token }

    var isSecure: Bool { options.publicURL.hasPrefix("https://") }
}
