@main enum Host { static func main() {} }
