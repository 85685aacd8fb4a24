/// Who knows plugins knows what they may ask for.
@_exported import Statistics
