import Access
import HTTPTypes

/// The product's table of contents: every route, one line each.
///
/// The OpenAPI document, the 405 answers and the tests read the same lines.
enum API {
    static let routes: [Route] =
        health + products + paymentLinks + pay + payments + sales + ledger + events + apiKeys + facilitator + documents + admin

    private static let health = [
        Route(.get, "/health", .open, "Whether the process answers", answers: [.json(200, "It does", HealthDocument.health)], Counter.health),
        Route(.get, "/livez", .open, "Whether the process lives", answers: [.json(200, "It does", HealthDocument.alive)], Counter.live),
        Route(
            .get, "/readyz", .open, "Whether payments can be taken",
            answers: [.json(200, "They can", HealthDocument.ready), .json(503, "They cannot, and why", HealthDocument.ready)], Counter.ready),
        Route(.get, "/status", .open, "The state of each part", answers: [.json(200, "States", HealthDocument.status)], Counter.status),
    ]

    private static let products = [
        Route(
            .post, "/api/products", .key(.write), "Create a product", carries: .json(ProductDocument.draft),
            answers: [.json(201, "The product", ProductDocument.schema)], Counter.createProduct),
        Route(
            .get, "/api/products", .key(.read), "List products, newest first", parameters: Route.Parameter.list,
            answers: [.json(200, "A page", Schema.page(of: ProductDocument.schema))], Counter.listProducts),
        Route(
            .get, "/api/products/{id}", .key(.read), "One product", answers: [.json(200, "The product", ProductDocument.schema)],
            Counter.showProduct),
        Route(
            .patch, "/api/products/{id}", .key(.write), "Change a product", carries: .json(ProductDocument.change),
            answers: [.json(200, "The product", ProductDocument.schema)], Counter.changeProduct),
    ]

    private static let paymentLinks = [
        Route(
            .post, "/api/payment-links", .key(.write), "Create a payment link", carries: .json(PaymentLinkDocument.draft),
            answers: [.json(201, "The link", PaymentLinkDocument.schema)], Counter.createLink),
        Route(
            .get, "/api/payment-links", .key(.read), "List payment links, newest first", parameters: Route.Parameter.list,
            answers: [.json(200, "A page", Schema.page(of: PaymentLinkDocument.schema))], Counter.listLinks),
        Route(
            .get, "/api/payment-links/{id}", .key(.read), "One payment link", answers: [.json(200, "The link", PaymentLinkDocument.schema)],
            Counter.showLink),
        Route(
            .post, "/api/payment-links/{id}/deactivate", .key(.write), "Close a payment link",
            answers: [.json(200, "The link", PaymentLinkDocument.schema)], Counter.deactivateLink),
    ]

    private static let pay = [
        Route(
            .get, "/api/qr", .open, "QR code of a payment link's URL", parameters: QRDocument.parameters,
            answers: [Route.Answer(status: 200, what: "The image", content: [("image/svg+xml", Schema.text), ("image/png", Schema.text)])],
            Counter.qr),
        Route(
            .get, "/pay/{token}", .open, "Pay a link: a page for browsers, x402 for programs", parameters: PayDocument.parameters,
            answers: PayDocument.answers, Counter.pay),
        Route(
            .get, "/pay/{token}/status", .open, "Where a payment of the link stands", parameters: PayDocument.statusParameters,
            answers: [.json(200, "The state", PayDocument.status)], Counter.payStatus),
        Route(.post, "/pay/{token}/test-wallet", .open, carries: .form, Counter.payWithTestWallet),
    ]

    private static let payments = [
        Route(
            .get, "/api/payments", .key(.read), "List payments, newest first", parameters: Route.Parameter.list + [PaymentDocument.statusParameter],
            answers: [.json(200, "A page", Schema.page(of: PaymentDocument.schema))], Counter.listPayments),
        Route(
            .get, "/api/payments/{id}", .key(.read), "One payment with its timeline",
            answers: [.json(200, "The payment", PaymentDocument.schemaWithTimeline)], Counter.showPayment),
    ]

    private static let sales = [
        Route(
            .get, "/api/sales", .key(.read), "List sales, newest first", parameters: Route.Parameter.list,
            answers: [.json(200, "A page", Schema.page(of: SaleDocument.schema))], Counter.listSales)
    ]

    private static let ledger = [
        Route(
            .get, "/api/balances", .key(.read), "Balances by account and asset", answers: [.json(200, "Balances", LedgerDocument.balances)],
            Counter.balances),
        Route(
            .get, "/api/ledger/entries", .key(.read), "List ledger entries with their postings, newest first",
            parameters: Route.Parameter.list + [.query("reference", "Only the entries of this fact, such as a sale's id", Schema.text)],
            answers: [.json(200, "A page", Schema.page(of: LedgerDocument.entry))], Counter.ledgerEntries),
    ]

    private static let events = [
        Route(
            .get, "/api/events", .key(.read), "The event feed, oldest first", parameters: EventDocument.parameters,
            answers: [.json(200, "A page", EventDocument.page)], Counter.listEvents)
    ]

    private static let apiKeys: [Route] = ["/api/api-keys", "/api-keys"].flatMap { path in
        [
            Route(
                .post, path, .key(.admin), "Create an API key; the secret is shown once", carries: .json(APIKeyDocument.draft),
                answers: [.json(201, "The key with its secret", APIKeyDocument.schemaWithSecret)], Counter.createAPIKey),
            Route(
                .get, path, .key(.admin), "List API keys, newest first", parameters: Route.Parameter.list,
                answers: [.json(200, "A page", Schema.page(of: APIKeyDocument.schema))], Counter.listAPIKeys),
            Route(
                .delete, path + "/{id}", .key(.admin), "Revoke an API key at once",
                answers: [.json(200, "The key's id", APIKeyDocument.revoked)], Counter.revokeAPIKey),
        ]
    }

    private static let facilitator: [Route] = ["", "/x402/facilitator"].flatMap { prefix in
        [
            Route(
                .post, prefix + "/verify", .facilitator, "x402: check an authorization; moves nothing", carries: .x402(FacilitatorDocument.request),
                answers: [.json(200, "The verdict", FacilitatorDocument.verdict)], Counter.verify),
            Route(
                .post, prefix + "/settle", .facilitator, "x402: execute an authorization, once", carries: .x402(FacilitatorDocument.request),
                answers: [.json(200, "What became of it", FacilitatorDocument.settlement)], Counter.settle),
            Route(
                .get, prefix + "/supported", .open, "x402: schemes and networks", answers: [.json(200, "Kinds", FacilitatorDocument.supported)],
                Counter.supported),
        ]
    }

    private static let documents = [
        Route(.get, "/openapi.json", .open, "This document", answers: [.json(200, "OpenAPI 3.1", Schema.anyObject)], Counter.openAPI),
        Route(.get, "/docs/errors", .open, Counter.errors),
        Route(.get, "/assets/till.css", .open, Counter.css),
        Route(.get, "/assets/pay.js", .open, Counter.payScript),
        Route(.get, "/assets/setup.js", .open, Counter.setupScript),
        Route(.get, "/favicon.ico", .open, Counter.favicon),
        Route(.get, "/", .open, Counter.home),
    ]

    private static let admin = [
        Route(.get, "/admin", .session, Counter.overview),
        Route(.get, "/admin/payments", .session, Counter.paymentsPage),
        Route(.get, "/admin/payments/{id}", .session, Counter.paymentPage),
        Route(.get, "/admin/links", .session, Counter.linksPage),
        Route(.post, "/admin/links", .session, carries: .form, Counter.createLinkByForm),
        Route(.post, "/admin/links/{id}/deactivate", .session, carries: .form, Counter.deactivateLinkByForm),
        Route(.post, "/admin/sign-out", .session, carries: .form, Counter.signOut),
        Route(.get, "/admin/sign-in", .open, Counter.signInPage),
        Route(.post, "/admin/sign-in", .open, carries: .form, Counter.signIn),
        Route(.get, "/admin/setup", .open, Counter.setupPage),
        Route(.post, "/admin/setup", .open, carries: .form, Counter.setup),
    ]
}
