"""From measured knees to pods, nodes and money: knees (knee.py), what they mean for one pod (recommend.py), plans."""
