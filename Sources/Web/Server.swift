import Hummingbird
import HummingbirdCore
import Kernel
import Logging
import NIOCore
import NIOHTTPTypes
import ServiceLifecycle

/// The HTTP server over a counter's routes.
package struct Server: Service {
    package struct Limits: Sendable {
        package var connections = 4_096
        package var header: Duration = .seconds(10)
        package var body: Duration = .seconds(25)
        package var idle: Duration = .seconds(10)
        package init() {}
    }

    private let counter: Counter
    private let host: String
    private let port: Int
    private let limits: Limits
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// - Parameter onListening: Called once with the port that is served.
    package init(
        counter: Counter, host: String, port: Int, limits: Limits, logger: Logger, onListening: @escaping @Sendable (Int) async -> Void
    ) {
        self.counter = counter
        self.host = host
        self.port = port
        self.limits = limits
        self.logger = logger
        self.onListening = onListening
    }

    /// The application without a socket, as tests drive it.
    package static func responder(for counter: Counter, logger: Logger) -> some HTTPResponder<BasicRequestContext> {
        Serving(counter: counter, logger: logger).router(API.routes).buildResponder()
    }

    package func run() async throws {
        var quiet = logger
        // The framework's own "listening" line would come before Till's first line.
        quiet.logLevel = max(logger.logLevel, .warning)
        let limits = limits
        let channel = HTTP1Channel.Configuration(
            additionalChannelHandlers: [ArrivalDeadline(header: limits.header, body: limits.body)],
            idleTimeout: .nanoseconds(limits.idle.components.seconds * 1_000_000_000),
            httpDecoderConfiguration: .init(maxHeaderFieldSize: 72 * 1024, maxHeaderListSize: 96 * 1024, maxHeaderFieldCount: 100))
        let application = Application(
            responder: Self.responder(for: counter, logger: logger), server: .http1(configuration: channel),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port), backlog: 1_024,
                availableConnectionsDelegate: .some(MaximumAvailableConnections(limits.connections))),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? port) }, logger: quiet)
        try await application.run()
    }
}

/// Closes a connection whose request does not arrive in time, however slowly it drips.
///
/// A body must be whole `body` after its head came; a head must be whole `header`
/// after the connection opened. Between two requests the idle timeout of the
/// connection counts. One timer is kept and looks at what is due when it fires:
/// most requests are over long before, and cost no timer of their own.
private final class ArrivalDeadline: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    private let header: TimeAmount
    private let body: TimeAmount
    /// When what is arriving must be whole; nil while nothing is.
    private var due: NIODeadline?
    private var timer: Scheduled<Void>?

    init(header: Duration, body: Duration) {
        self.header = .nanoseconds(header.components.seconds * 1_000_000_000)
        self.body = .nanoseconds(body.components.seconds * 1_000_000_000)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { expect(within: header, context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        expect(within: header, context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: expect(within: body, context)
        case .body: break
        case .end: due = nil
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    private func expect(within time: TimeAmount, _ context: ChannelHandlerContext) {
        let due = NIODeadline.now() + time
        self.due = due
        if timer == nil { start(due, context.channel, context.eventLoop) }
    }

    private func start(_ deadline: NIODeadline, _ channel: any Channel, _ loop: any EventLoop) {
        let handler = NIOLoopBound(self, eventLoop: loop)
        timer = loop.scheduleTask(deadline: deadline) { handler.value.fire(channel, loop) }
    }

    private func fire(_ channel: any Channel, _ loop: any EventLoop) {
        timer = nil
        guard let due else { return }
        if due <= .now() { return channel.close(promise: nil) }
        start(due, channel, loop)
    }

    private func stop() {
        due = nil
        timer?.cancel()
        timer = nil
    }
}
