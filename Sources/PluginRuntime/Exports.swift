/// Modules that import PluginRuntime see the statistics too.
@_exported import Statistics
